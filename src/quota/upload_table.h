// The files that are being written now, and how much of each the quotas count already. Two handles of one file share a
// row, so that its bytes are counted once. Removing a file and quota scans look here for files that are still growing.
//
// Example, in place: a file of 400 bytes is counted, and grows. counted = base = covered = 400 at first. To write up to
// 1,000, 600 are reserved: covered = 1,000. At the end 600 more are counted as used, and the reserve is given back.
// Example, beside its target: counted = 0, base = covered = 400 (the size of the old file, which will be freed).
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "quota/quota.h"
#include "vfs/file_system.h"

namespace ferry::quota {

// One file that is being written. Its mutex guards it. At any time covered - base bytes are reserved for it with each
// of its owners.
struct SharedUpload {
  std::mutex mutex;
  Owners owners;              // all who have it open, or have set its size since it was counted last
  std::vector<Owners> open;   // the owners of each handle
  unsigned changes = 0;       // how often `owners` has changed
  bool begun = false;         // the fields below have been set
  std::uint64_t counted = 0;  // bytes of this file in the owners' used size
  std::uint64_t names = 0;    // 1 when it is in the owners' used files
  std::uint64_t base = 0;     // bytes that need no reserve: those counted, or those of the file that it will replace
  std::uint64_t covered = 0;  // the file may grow up to this size without another reservation
  std::uint64_t end = 0;      // offset of the next append
  bool gone = false;          // its name was removed: its bytes are freed when the last handle closes
  unsigned handles = 0;       // guarded by the table

  // The functions below need the mutex.
  // Adds owners, and reserves with them what is reserved with the others.
  void join(const Owners& more);
  // Removes owners, and gives back what is reserved with them.
  void leave(const Owners& those);
  // One handle more or less. The owners of a closed handle stay until the file's size is counted: see part().
  void add_handle(const Owners& those);
  void drop_handle(const Owners& those);
  // The whole size is counted now: removes the owners that have no open handle, since they did not write what follows.
  void part();
  // How far `asking` (which have joined) may write within what is covered: their own limits may be narrower than those
  // of the owners that reserved it.
  std::uint64_t reach(const Owners& asking) const;
  // Reserves what is needed for the file to grow up to `size`, within the limits of `asking`. quota_exceeded.
  Result<void> cover(std::uint64_t size, const Owners& asking);
  // Adds `used` to what each owner has used, and gives back `reserved`; covered and base must have been reduced before.
  void settle(Usage used, std::int64_t reserved) { owners.settle(used, {.size = reserved}); }
};

class UploadTable {
 public:
  // The row of the file with this id (vfs::FileInfo::id), made when there is none; with 0 always a new one.
  std::shared_ptr<SharedUpload> join(std::uint64_t id);
  // Gives a handle's row back; true when it was the last handle.
  bool leave(std::uint64_t id, const std::shared_ptr<SharedUpload>& row);
  // Null: nobody is writing the file.
  std::shared_ptr<SharedUpload> find(std::uint64_t id) const;
  std::size_t count() const;
  // Notes that the file with this id is open for writing, as long as the answer lives (quotas or not). The table must
  // outlive the answer. Null for id 0.
  std::shared_ptr<const void> note_writer(std::uint64_t id);
  bool is_written(std::uint64_t id) const;
  // How many handles have been closed that were open for writing: a file's size that was read before the number changed
  // may be out of date.
  std::uint64_t ended_writes() const;
  // Whether more than one handle was open for writing at a time, since the first was opened.
  bool is_shared(std::uint64_t id) const;
  // Notes, as long as the answer lives, that a running upload or copy will put a file or tree into the directory with
  // this id (vfs::FileInfo::id). The table must outlive the answer. Null for id 0. not_found: the directory is being
  // removed.
  Result<std::shared_ptr<const void>> note_arrival(std::uint64_t directory);
  bool awaits_arrival(std::uint64_t directory) const;
  // Notes, as long as the answer lives, that an operation acts on a name in the directory: one that removes, renames or
  // links a file, say. It takes moments, and unlike an arrival it does not keep the directory from being removed. The
  // table must outlive the answer. Null for id 0.
  std::shared_ptr<const void> note_use(std::uint64_t directory);
  bool is_used(std::uint64_t directory) const;
  // Call it before the directory is removed or replaced: as long as the answer lives note_arrival() fails. conflict: an
  // upload or copy into it is running.
  Result<std::shared_ptr<const void>> claim_removal(std::uint64_t directory);
  // The file loses one of its names. Answers the change of the used quota (zero or negative). Bytes that are reserved
  // for a file which is still being written stay reserved. `key`: as UploadQuota::begin was told; 0: the file's id.
  Usage take_away(const vfs::FileInfo& file, std::uint64_t key = 0);

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::shared_ptr<SharedUpload>> rows_;
  using Counts = std::unordered_map<std::uint64_t, unsigned>;
  std::shared_ptr<const void> note(Counts& counts, std::uint64_t id);  // needs mutex_
  Counts writers_;                                                     // by file
  std::unordered_set<std::uint64_t> shared_;
  Counts arrivals_, uses_, removals_;  // by directory
  std::size_t unnamed_ = 0;
  std::uint64_t ended_writes_ = 0;
};

}  // namespace ferry::quota
