// What the server itself does with a whole tree of a storage.
#pragma once

#include "base/task.h"
#include "quota/quota.h"
#include "session/tree_manifest.h"
#include "vfs/file_system.h"

namespace ferry::session {

// Removes `path` with all that is in it, without checking permissions. After an error part of it is removed; `removed`,
// if not null, is raised by the regular files among that.
// `only`, if not null: nothing else in the directory `path` is removed, and *left (if not null) says whether something
// of others stays there, which is no error.
Task<Result<void>> remove_stored(std::shared_ptr<vfs::FileSystem> storage, VirtualPath path,
                                 quota::Usage* removed = nullptr, const TreeEntries* only = nullptr,
                                 bool* left = nullptr);

}  // namespace ferry::session
