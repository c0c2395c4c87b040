// What became of an upload or a copy whose end was not answered: see vfs/confirmed.h.
#pragma once

#include "quota/upload_quota.h"
#include "vfs/confirmed.h"
#include "vfs/file_system.h"

namespace ferry::session {

// After storage that shows a file when it is complete failed to end it with an error that leaves it open
// (vfs::leaves_open): whether the file of `size` bytes is there now, in place of `before`. The name's lock is held.
Task<bool> is_shown(vfs::FileSystem& storage, VirtualPath path, std::uint64_t size, quota::Existing before);

}  // namespace ferry::session
