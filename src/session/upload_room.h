// How far one upload may write: what its payers' quotas and max_upload_file_size leave, together with whoever else has
// the file open. Asked before every write, so the answer is one comparison as long as room that was reserved ahead
// lasts.
//
//   UploadRoom room(ledger, payers, max_file_size);
//   if (auto may = room.check_open(existing, options); !may) ...      // before the file is opened
//   room.begin(existing, info, in_place);                             // it is open
//   const std::uint64_t fits = room.admit(offset, count);             // may be fewer than count
//   room.end_in_place(size);                                          // or end_beside() and placed()
#pragma once

#include <algorithm>
#include <memory>
#include <optional>

#include "session/ledger.h"
#include "vfs/file_system.h"

namespace ferry::session {

// What a name holds before it is written to or taken away; none: nothing that quotas count.
using Existing = std::optional<vfs::FileInfo>;

class UploadRoom {
 public:
  // `max_file_size` 0: none.
  UploadRoom(std::shared_ptr<Ledger> ledger, Payers payers, std::uint64_t max_file_size);
  UploadRoom(const UploadRoom&) = delete;
  UploadRoom& operator=(const UploadRoom&) = delete;
  ~UploadRoom();

  const Payers& payers() const { return payers_; }
  // They, and those who wrote the same file meanwhile: for whom something may have been settled.
  Payers settled() const { return payers_.with(growing_); }

  // quota_exceeded: no room for a new file, or for a single byte of one that begins anew.
  Result<void> check_open(const Existing& existing, const vfs::OpenOptions& options);
  // The file is open: `opened` tells it now. In place, a file that was there was truncated or is changed; else it is
  // a new one beside the target, which it will replace.
  void begin(const Existing& existing, const vfs::FileInfo& opened, bool in_place, const vfs::OpenOptions& options);

  // Whether `count` bytes at `offset` may be written without asking anybody.
  bool covers(std::uint64_t offset, std::uint64_t count) {
    if (append_ || count > ceiling_ || offset > ceiling_ - count) return false;
    end_ = std::max(end_, offset + count);
    return true;
  }
  // How many of them may be written; they count as written. Fewer: see refusal(); nothing more is admitted then.
  std::uint64_t admit(std::uint64_t offset, std::uint64_t count);
  // Before the size is set: quota_exceeded.
  Result<void> grow_to(std::uint64_t size);

  // The end of one that was written in place; no size: as far as is known. Before the file is closed.
  void end_in_place(std::optional<std::uint64_t> size);
  // The end of one beside its target: asks for what the file that it replaces does not pay (quota_exceeded).
  Result<void> end_beside(std::uint64_t size, const Existing& replaced);
  // It is in its place. Else everything that was reserved is given back.
  void placed();

  // It will not be placed: before it is removed.
  void drop() { end_in_place({}); }

  // Of the file that is written (vfs::FileInfo::id); 0 before begin().
  std::uint64_t file_id() const { return id_; }

  // Why something was refused.
  Error refusal() const;

 private:
  void cover(std::uint64_t end);  // raises ceiling_ towards it
  void set_ceiling();             // needs row_ and its lock
  const Payers& growing();        // who is asked when the row grows
  void give_back();
  void leave_placed();

  std::shared_ptr<Ledger> ledger_;
  Payers payers_;
  Payers growing_;              // payers_ and those of the row, without the limits of the others
  unsigned growing_as_of_ = 0;  // UploadRow::changes
  std::uint64_t max_size_;
  std::uint64_t ceiling_ = 0;  // up to here without asking
  std::uint64_t end_ = 0;      // the farthest that was written
  bool append_ = false;
  bool refused_ = false;
  bool too_large_ = false;
  std::int64_t slots_ = 0;  // files reserved and not settled
  std::int64_t bytes_ = 0;  // bytes reserved beyond those of the row
  std::uint64_t size_ = 0;  // of one that is to be placed
  Existing replaced_;
  std::uint64_t id_ = 0;
  std::shared_ptr<UploadRow> row_;
  std::optional<QuotaChange> change_;
};

}  // namespace ferry::session
