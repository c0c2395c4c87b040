// The line of `ls -l` that NAME replies carry beside each name (section 7 of the draft recommends it; some
// clients parse it).
#pragma once

#include <cstdint>
#include <string>

#include "vfs/file_system.h"

namespace ferry::sftp {

// "-rw-r--r--    1 1000     1000         4096 Nov 22 22:34 name". Owners are numbers. Local time; files more than
// six months from `now` (seconds since the epoch) show the year instead of the time of day. Control characters
// of the name are replaced by '?' so that a name cannot make a second line.
void append_long_name(std::string& out, std::string_view name, const vfs::FileInfo& info, std::int64_t now);

}  // namespace ferry::sftp
