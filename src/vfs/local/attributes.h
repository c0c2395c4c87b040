// Reading and changing the attributes of files. Everything goes through descriptors, so that a client cannot replace
// the file by a symlink between the check and the use.
#pragma once

#include <sys/stat.h>

#include "base/error.h"
#include "vfs/file_system.h"
#include "vfs/local/waiting.h"

namespace ferry::vfs::local {

FileInfo to_info(const struct statx& facts);

// What every statx asks for: to_info needs all of it.
inline constexpr unsigned wanted_facts = STATX_BASIC_STATS | STATX_BTIME;

// statx of `name` in `directory`, of the descriptor itself when it is "". Never follows a symlink.
Result<struct statx> stat_at(int directory, const char* name);

// Everything of `change` but the size. `descriptor` may be an O_PATH one, also of a symlink.
// Each of them is tried, as OpenSSH's server does, whatever became of those before it; the first failure is answered.
// unsupported: permission bits of a symlink.
Result<void> change_attributes(int descriptor, const AttributeChange& change);

Result<void> change_size(int descriptor, std::uint64_t size, Lookup& lookup);

// Whether freeing `bytes` would hold up the event loop (16 MiB or more: tmpfs needs about 0.1 s for 1 GB). If so, and
// lookup.brief_only is set, sets lookup.would_wait: the caller then returns before it changes anything (its answer is
// not used), and is run again on the blocking pool.
bool frees_much(std::uint64_t bytes, Lookup& lookup);
// The same for the file `name` in `directory`, which is about to be removed or replaced.
bool frees_much(int directory, const char* name, Lookup& lookup);
// The same for an open file whose names may all be gone, when it is closed.
bool closing_frees_much(int descriptor, Lookup& lookup);

}  // namespace ferry::vfs::local
