// What the server itself does with a whole tree of a storage.
#pragma once

#include "base/task.h"
#include "vfs/file_system.h"

namespace ferry::session {

// Removes `path` with all that is in it, without checking permissions. After an error part of it is removed.
Task<Result<void>> remove_stored(std::shared_ptr<vfs::FileSystem> storage, VirtualPath path);

}  // namespace ferry::session
