// Hidden names (partial_name.h) that nobody will complete: a server that was killed has left them. No client sees them
// and no quota counts them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/task.h"
#include "vfs/file_system.h"

namespace ferry::session {

struct Leftovers {
  std::size_t files = 0;    // hidden files, and hidden directories with all that is in them
  std::int64_t size = 0;    // bytes of the regular files among that
  std::size_t removed = 0;  // of `files`
  std::string first;        // where one of them lies; empty: there are none

  void add(const Leftovers& more);
};

// What a leftover must not have changed for before it is removed unasked, in seconds: another server that shares the
// storage may still be writing it.
inline constexpr std::int64_t leftover_age = 24 * 60 * 60;

// One that was found at `path`: adds it to `found`, and removes it when nothing in it has changed for leftover_age.
Task<Result<void>> add_leftover(std::shared_ptr<vfs::FileSystem> storage, VirtualPath path, vfs::FileInfo info,
                                Leftovers& found);

// Removes all of them in `directory`, if nothing else is there; answers how many. Nothing may be on its way into it
// (see OpenUploads::claim_removal).
Task<Result<std::size_t>> remove_leftovers(std::shared_ptr<vfs::FileSystem> storage, VirtualPath directory);

}  // namespace ferry::session
