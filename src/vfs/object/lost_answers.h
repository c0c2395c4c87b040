// Requests whose answer was lost. A second try of one that creates something is told already_exists, not_found (the
// upload is completed already) or conflict (what was there has changed), although the first one did it. Every object
// that this server writes holds a random text (ObjectProperties::writing), by which it knows its own.
#pragma once

#include <memory>
#include <string>

#include "vfs/object/object_store.h"

namespace ferry::vfs::object {

// 32 hexadecimal digits from the system's random numbers.
std::string new_writing();

// What a request that has failed with `error` was to write: the object at `key` when it holds `writing`, else `error`.
Task<Result<ObjectInfo>> if_written_by(std::shared_ptr<ObjectStore> store, std::string key, std::string writing,
                                       Error error);

}  // namespace ferry::vfs::object
