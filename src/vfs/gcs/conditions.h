// What the requests of GcsStore have in common.
#pragma once

#include <cstdint>
#include <string_view>

#include "vfs/gcs/service.h"
#include "vfs/object/object_store.h"

namespace ferry::vfs::gcs {

// Where every request of an upload session but the last must end.
constexpr std::uint64_t session_multiple = std::uint64_t{256} << 10;

// invalid_argument: no name of an object.
Result<void> check_name(std::string_view key);

// ifGenerationMatch; 0 asks for an object that is not there.
void add_condition(Pairs& query, const object::Condition& condition);
// A condition that failed: already_exists where the object had to be absent, else conflict.
Error with_condition(Error error, const object::Condition& condition);

}  // namespace ferry::vfs::gcs
