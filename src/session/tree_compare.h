// Whether a copy is complete: checked before the source of a move is removed.
#pragma once

#include <cstdint>
#include <functional>

#include "base/task.h"
#include "vfs/file_system.h"

namespace ferry::session {

// Whether every file, directory and link at or below `from` exists below `to` of `copy`, files with the same size and
// time of change. False when something was added or written while the tree was copied, or when `busy(id)` says that a
// file of `from` is open for writing now or something is being put into a directory of it. Partial files of uploads are
// ignored. Neither storage should follow links.
Task<Result<bool>> is_whole_copy(vfs::FileSystem& source, VirtualPath from, vfs::FileSystem& copy, VirtualPath to,
                                 std::function<bool(std::uint64_t)> busy);

}  // namespace ferry::session
