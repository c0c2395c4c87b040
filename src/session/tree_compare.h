// Whether a copy holds all that its source holds, asked before the source goes.
#pragma once

#include <cstdint>
#include <functional>

#include "base/task.h"
#include "vfs/file_system.h"

namespace ferry::session {

// Whether every file, directory and link below `from` (or what it is itself) is below `to` of `copy` too, files with
// their size and time of change: what was added or written while it was copied tells, and so does a file or directory
// of `from` that is `busy(id)`: somebody has it open for writing, or puts something into it. Uploads that are not
// complete do not count. Neither storage should follow links.
Task<Result<bool>> is_whole_copy(vfs::FileSystem& source, VirtualPath from, vfs::FileSystem& copy, VirtualPath to,
                                 std::function<bool(std::uint64_t)> busy);

}  // namespace ferry::session
