// Partial files (partial_name.h) that a server left behind when it was killed. Nobody will complete them, no client
// sees them, and no quota counts them.
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

// A leftover is removed by itself only when it has not changed for this long, in seconds: another server that shares
// the storage may still be writing it.
inline constexpr std::int64_t leftover_age = 24 * 60 * 60;

// Adds the leftover at `path` to `found`, and removes it if nothing in it has changed for leftover_age.
Task<Result<void>> add_leftover(std::shared_ptr<vfs::FileSystem> storage, VirtualPath path, vfs::FileInfo info,
                                Leftovers& found);

// Removes all leftovers in `directory`, if there is nothing else in it, and answers how many. No upload may be running
// into the directory (see quota::UploadTable::claim_removal).
Task<Result<std::size_t>> remove_leftovers(std::shared_ptr<vfs::FileSystem> storage, VirtualPath directory);

}  // namespace ferry::session
