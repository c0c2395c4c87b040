// How far one upload may write: what its owners' quotas and max_upload_file_size leave. Asked before each write. Bytes
// are reserved ahead (up to 1 MiB), so that the answer is usually one comparison. Handles of one file share its
// SharedUpload.
//
//   UploadQuota room(ledger, owners, max_file_size);
//   if (auto may = room.check_open(existing, options); !may) ...      // before the file is opened
//   room.begin(existing, info, in_place);                             // it is open
//   const std::uint64_t fits = room.admit(offset, count);             // may be fewer than count
//   room.end_in_place(size);                                          // or end_beside() and placed()
//
// docs/quotas.md follows one overwrite through the three placements with numbers. What the storage publishes at close
// is counted as what is written beside its target: the old file is used until placed(), only what the new one is larger
// by is reserved, and if placed() is not called nothing has changed.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>

#include "quota/ledger.h"
#include "vfs/file_system.h"

namespace ferry::quota {

// The file that a name has before it is written, replaced or removed; none: there is no file that quotas count.
using Existing = std::optional<vfs::FileInfo>;

class UploadQuota {
 public:
  // `max_file_size` 0: none.
  UploadQuota(std::shared_ptr<Ledger> ledger, Owners owners, std::uint64_t max_file_size);
  UploadQuota(const UploadQuota&) = delete;
  UploadQuota& operator=(const UploadQuota&) = delete;
  ~UploadQuota();

  const Owners& owners() const { return owners_; }
  // The owners of this handle and of other handles of the file: those whose usage may have changed and must be stored.
  Owners settled() const { return owners_.with(growing_); }

  // quota_exceeded: the number of files is used up, or not a single byte is left for a file that begins empty.
  Result<void> check_open(const Existing& existing, const vfs::OpenOptions& options);
  // Call it when the file is open; `opened`: what it is now. in_place: it is the target itself (which was truncated, or
  // is being changed); otherwise a partial file, or what the storage has not published yet, that will replace the
  // target.
  // `file`: what handles of the same file are known by, where its id is not (0: by its id).
  void begin(const Existing& existing, const vfs::FileInfo& opened, bool in_place, const vfs::OpenOptions& options,
             std::uint64_t file = 0);

  // Whether `count` bytes at `offset` fit into what is reserved already.
  bool covers(std::uint64_t offset, std::uint64_t count) {
    if (append_ || count > ceiling_ || offset > ceiling_ - count) return false;
    end_ = std::max(end_, offset + count);
    return true;
  }
  // How many of them may be written, after another reservation if needed; these count as written. If fewer than
  // `count`: see refusal(), and nothing more is admitted.
  std::uint64_t admit(std::uint64_t offset, std::uint64_t count);
  // Reserves what a larger size needs, before the size is set. quota_exceeded.
  Result<void> grow_to(std::uint64_t size);

  // Settles an upload that was written in place, before the file is closed. No size: it could not be read; what was
  // written is taken for it.
  void end_in_place(std::optional<std::uint64_t> size);
  // Before a partial file, or what the storage publishes at close, replaces its target: reserves what is still needed
  // beyond the size of the replaced file (quota_exceeded).
  Result<void> end_beside(std::uint64_t size, const Existing& replaced);
  // It is in its place now: settles it. If this is not called everything reserved is given back.
  void placed();

  // It will not be put there.
  void drop() { end_in_place({}); }

  // Where the farthest byte ends that was written; at first the size of the file.
  std::uint64_t written_to() const { return end_; }
  // The id (vfs::FileInfo::id) of the file that is written; 0 before begin().
  std::uint64_t file_id() const { return id_; }

  // Why something was refused.
  Error refusal() const;

 private:
  void cover(std::uint64_t end);  // raises ceiling_ towards it
  void set_ceiling();             // needs row_ and its lock
  const Owners& growing();        // the owners with whom more is reserved
  void give_back();
  void leave_placed();

  std::shared_ptr<Ledger> ledger_;
  Owners owners_;
  Owners growing_;              // owners_ and those of the row, without the limits of the others
  unsigned growing_as_of_ = 0;  // SharedUpload::changes
  std::uint64_t max_size_;
  std::uint64_t ceiling_ = 0;  // may write up to here without another reservation
  std::uint64_t end_ = 0;      // end of the farthest byte written
  bool append_ = false;
  bool refused_ = false;
  bool too_large_ = false;
  std::int64_t slots_ = 0;  // files reserved and not settled
  std::int64_t bytes_ = 0;  // bytes reserved beyond those of the row
  std::uint64_t size_ = 0;  // of one that is to be placed
  Existing replaced_;
  std::uint64_t id_ = 0, key_ = 0;  // of the file, and of its row
  std::shared_ptr<SharedUpload> row_;
  std::optional<Change> change_;
};

}  // namespace ferry::quota
