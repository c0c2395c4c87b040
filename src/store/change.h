// How objects are written, whatever they are.
#pragma once

#include <cstdint>
#include <functional>

#include "base/error.h"

namespace ferry::store {

// Where a new object comes from. An object of a client gets its times now; one of a dump keeps those that it has
// (created_at, updated_at, last_login, first_download, first_upload). The id is always new.
enum class Origin : std::uint8_t { client, dump };

// A function that changes an object inside the transaction which reads and writes it. When it answers an error the
// object stays as it was. It must be quick, must not call the provider (that would deadlock), and cannot rename the
// object.
template <class Object>
using Change = std::function<Result<void>(Object&)>;

}  // namespace ferry::store
