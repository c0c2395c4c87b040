// The files that are being written now, by whomever, and how much of each the quotas count already. Two handles of one
// file share a row, so that its bytes are counted once; who removes or scans finds it here.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "session/quota.h"
#include "vfs/file_system.h"

namespace ferry::session {

// Guarded by its mutex. Reserved for it with each of its payers, on top of what is counted: covered - base.
struct UploadRow {
  std::mutex mutex;
  Payers payers;              // whoever has it open, or has set its size since it was counted last
  std::vector<Payers> open;   // of each handle
  unsigned changes = 0;       // of payers, so far
  bool begun = false;         // what follows is known
  std::uint64_t counted = 0;  // bytes of it among those used
  std::uint64_t names = 0;    // 1 when it is among the files used
  std::uint64_t base = 0;     // up to here somebody has paid: what is counted, or the file that will be replaced
  std::uint64_t covered = 0;  // up to here it may grow without asking
  std::uint64_t end = 0;      // where the next append goes
  bool gone = false;          // its name was taken away: it frees what it has when it is closed
  unsigned handles = 0;       // guarded by the table

  // What follows needs the mutex.
  // Those of `more` pay for it too from now on.
  void join(const Payers& more);
  // Those pay no more.
  void leave(const Payers& those);
  // One handle more or less. Whoever has no other pays until it is counted: see part().
  void add_handle(const Payers& owners);
  void drop_handle(const Payers& owners);
  // All that is there is counted: those who do not have it open pay for nothing that comes later.
  void part();
  // How far the limits of `asking`, who have joined, let them write of what is covered, which others may have reserved.
  std::uint64_t reach(const Payers& asking) const;
  // It may grow up to `size`, as far as the limits of `asking` go, who have joined. quota_exceeded.
  Result<void> cover(std::uint64_t size, const Payers& asking);
  // Counts `used` with each payer, and lets go of `reserved`, which covered and base do not hold any more.
  void settle(QuotaUsage used, std::int64_t reserved) { payers.settle(used, {.size = reserved}); }
};

class OpenUploads {
 public:
  // The row of the file with this id (vfs::FileInfo::id), made when there is none; with 0 always a new one.
  std::shared_ptr<UploadRow> join(std::uint64_t id);
  // One handle less; answers whether it was the last.
  bool leave(std::uint64_t id, const std::shared_ptr<UploadRow>& row);
  // Null: nobody writes it.
  std::shared_ptr<UploadRow> find(std::uint64_t id) const;
  std::size_t count() const;
  // Somebody, whether anything counts that or not, has the file with this id open for writing while the answer lives,
  // which the table must outlive. Null for 0.
  std::shared_ptr<const void> note_writer(std::uint64_t id);
  bool is_written(std::uint64_t id) const;
  // Whether that was more than one at a time, since nobody had it open.
  bool is_shared(std::uint64_t id) const;
  // Somebody is going to put a file or a tree into the directory with this id (vfs::FileInfo::id): an upload or a copy
  // that is running. Noted while the answer lives, which the table must outlive. Null for 0. not_found: the directory
  // is being removed.
  Result<std::shared_ptr<const void>> note_arrival(std::uint64_t directory);
  bool awaits_arrival(std::uint64_t directory) const;
  // The directory is about to be removed or replaced: nothing is noted while the answer lives. conflict: something is.
  Result<std::shared_ptr<const void>> claim_removal(std::uint64_t directory);
  // The file loses one of its names: what quotas lose, not positive. What it has grown stays reserved while it is
  // being written.
  QuotaUsage take_away(const vfs::FileInfo& file);

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::shared_ptr<UploadRow>> rows_;
  using Counts = std::unordered_map<std::uint64_t, unsigned>;
  std::shared_ptr<const void> note(Counts& counts, std::uint64_t id);  // needs mutex_
  Counts writers_;                                                     // by file
  std::unordered_set<std::uint64_t> shared_;
  Counts arrivals_, removals_;  // by directory
  std::size_t unnamed_ = 0;
};

}  // namespace ferry::session
