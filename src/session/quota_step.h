// Counts what an operation on a name (remove, rename, resize, link) changes in the quotas. The size of the file is read
// before the operation and settled after it; the name's lock is held in between, so that no other operation changes the
// file. The step also holds the directories of its names, and notes that it uses them: do the operation on at() and
// from(), so that the file whose size was read is the one that is changed. This it does where no quota counts the
// mount, too, so that a move to another mount (tree_move.cpp) does not take what it changes away at the same moment.
// Only where there is no ledger nothing is done, and at() and from() are the paths as given.
//
//   Result<QuotaStep> step = co_await QuotaStep::removing(account, path);
//   ... step->at().storage->remove_file(step->at().path) ...
//   if (removed) co_await step->done();
#pragma once

#include "quota/upload_quota.h"
#include "session/held_name.h"
#include "session/session_state.h"

namespace ferry::session {

class QuotaStep {
 public:
  QuotaStep(QuotaStep&& other) noexcept = default;
  ~QuotaStep();

  // Each of these fails when a directory of its names does not exist.
  // The file at `path` is about to be removed or replaced.
  static Task<Result<QuotaStep>> removing(SessionState& state, VirtualPath path);
  // The same for a name that is held already, for the quotas of `owners`. The caller has noted that it is used.
  static Task<Result<QuotaStep>> removing(std::shared_ptr<quota::Ledger> ledger, quota::Owners owners, HeldName name);
  // The file `what` at `path` was removed already, by something that counts no quotas (a pre-delete hook that deletes
  // the file itself); it is only settled here.
  static QuotaStep removed(SessionState& state, const VirtualPath& path, quota::Existing what);
  // `from` is about to be renamed to `path`, in one mount; what is at `path` is replaced.
  static Task<Result<QuotaStep>> renaming(SessionState& state, VirtualPath from, VirtualPath path);
  // The size of the file is about to be set. quota_exceeded; permission_denied: see may_resize().
  static Task<Result<QuotaStep>> resizing(SessionState& state, VirtualPath path, std::uint64_t size, bool follow);
  // The file `existing` is about to get a second name (hard link). quota_exceeded; conflict: it is being written.
  static Task<Result<QuotaStep>> linking(SessionState& state, VirtualPath existing, VirtualPath link);

  // at(): the name that is changed. from(): the other name of renaming and linking; for others the same as at().
  const HeldName& at() const { return at_; }
  const HeldName& from() const { return from_; }

  // Call it when the storage has done the operation. If it is not called nothing is settled.
  Task<void> done();
  // Call it instead when a rename failed on storage that does it in several steps: what is at at() now is settled. (S3
  // copies, and then removes the source, which may fail.)
  Task<void> partly_done();

 private:
  QuotaStep(std::shared_ptr<quota::Ledger> ledger, quota::Owners owners)
      : ledger_(std::move(ledger)), owners_(std::move(owners)) {}
  // Two names of one mount, which may be the same; not held yet.
  QuotaStep(SessionState& state, VirtualPath from, VirtualPath path);
  Task<Result<void>> hold(bool follow);
  Task<Result<void>> hold_to_put();
  Task<Result<void>> hold_removed();
  Result<void> note_uses(const vfs::FileSystem& whole);
  static Task<Result<void>> hold_one(HeldName& name, bool follow);
  Result<void> reserve(quota::Usage wanted);

  std::shared_ptr<quota::Ledger> ledger_;
  quota::Owners owners_;  // empty: nothing to settle
  HeldName from_, at_;
  std::shared_ptr<const void> arrival_, uses_at_, uses_from_;  // of quota::UploadTable
  quota::PathLocks::Held held_, file_;
  std::optional<quota::Change> change_;
  quota::Existing removed_;         // the file that the operation removes or replaces
  quota::Usage gained_, reserved_;  // what it adds; what was reserved for that
};

// The file, if it is one that quotas count: a regular one.
quota::Existing countable(const Result<vfs::FileInfo>& info);

// Asked before the size of a counted file changes in place. permission_denied for a file with several hard links: each
// link is counted with the file's size, but the change would be counted only once.
Result<void> may_resize(const quota::Existing& file);

// The counted file at `path`. As long as `held` is held, nobody else changes that file's size or names or settles what
// was written to it, also through another hard link. The lock of `path` must be held already.
Task<Result<quota::Existing>> hold_file(quota::Ledger& ledger, vfs::FileSystem& storage, VirtualPath path, bool follow,
                                        quota::PathLocks::Held& held);

}  // namespace ferry::session
