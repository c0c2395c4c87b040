// Where atomic uploads end: from where they grew to their target, in one step for whoever looks at the target.
#pragma once

#include <memory>

#include "base/task.h"
#include "vfs/file_system.h"

namespace ferry::session {

// Renames `partial` of `grown` to `target` of `storage`; from one file system of the machine to another by copying it
// beside the target first. On success there is no `partial` any more. overwrite as FileSystem::rename has it.
Task<Result<void>> put_in_place(std::shared_ptr<vfs::FileSystem> grown, VirtualPath partial,
                                std::shared_ptr<vfs::FileSystem> storage, VirtualPath target, bool overwrite);

}  // namespace ferry::session
