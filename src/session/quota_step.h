// Operations on names, as quotas see them: what a name holds is looked at before, and what became of it is settled
// afterwards, with nobody in between. Where somebody pays, the step holds the directories of its names, so that what it
// looked at is what is changed: the operation has to be done on at() and from(). Costs nothing where nobody pays; then
// these are the paths as they were given.
//
//   Result<QuotaStep> step = co_await QuotaStep::losing(account, path);
//   ... step->at().storage->remove_file(step->at().path) ...
//   if (removed) co_await step->done();
#pragma once

#include "session/account.h"
#include "session/held_name.h"
#include "session/upload_room.h"

namespace ferry::session {

class QuotaStep {
 public:
  QuotaStep(QuotaStep&& other) noexcept = default;
  ~QuotaStep();

  // Errors of each: a directory of its names is not there.
  // `path` is about to lose what it holds.
  static Task<Result<QuotaStep>> losing(Account& account, VirtualPath path);
  // The same without the account, of a name that is held: of its `payers`.
  static Task<QuotaStep> losing(std::shared_ptr<Ledger> ledger, Payers payers, HeldName name);
  // It has lost it already: to somebody who counts nothing.
  static QuotaStep lost(Account& account, const VirtualPath& path, Existing what);
  // `path` is about to lose what it holds, because `from` of the same mount is renamed to it.
  static Task<Result<QuotaStep>> renaming(Account& account, VirtualPath from, VirtualPath path);
  // The file is about to be given this size. quota_exceeded; permission_denied: see may_resize().
  static Task<Result<QuotaStep>> resizing(Account& account, VirtualPath path, std::uint64_t size, bool follow);
  // The file `existing` is about to get one more name. quota_exceeded; conflict: it is being written.
  static Task<Result<QuotaStep>> linking(Account& account, VirtualPath existing, VirtualPath link);

  // The name that is changed, and the other one where there are two; else the same.
  const HeldName& at() const { return at_; }
  const HeldName& from() const { return from_; }

  // The storage has done it. Without this nothing has happened.
  Task<void> done();

 private:
  QuotaStep(std::shared_ptr<Ledger> ledger, Payers payers) : ledger_(std::move(ledger)), payers_(std::move(payers)) {}
  // Two names of one mount, which may be the same; not held yet.
  QuotaStep(Account& account, VirtualPath from, VirtualPath path);
  Task<Result<void>> hold(bool follow);
  Task<Result<void>> hold_to_put(std::shared_ptr<vfs::FileSystem> whole);
  static Task<Result<void>> hold_one(HeldName& name, bool follow);
  Result<void> reserve(QuotaUsage wanted);

  std::shared_ptr<Ledger> ledger_;
  Payers payers_;  // empty: nothing to do
  HeldName from_, at_;
  std::shared_ptr<const void> arrival_;  // of OpenUploads
  PathLocks::Held held_, file_;
  std::optional<QuotaChange> change_;
  Existing lost_;
  QuotaUsage gained_, reserved_;
};

// What quotas count of a name: a regular file.
Existing countable(const Result<vfs::FileInfo>& info);

// Before a file that somebody pays for changes its size in place. permission_denied for one with several names: each of
// them counts by its size, and the change would be counted once.
Result<void> may_resize(const Existing& file);

// The same of what `path` names now. While `held` is, nobody else changes that file's size or names, nor settles what
// was written to it, whatever name it was opened by. The lock of `path` must be held.
Task<Existing> hold_file(Ledger& ledger, vfs::FileSystem& storage, VirtualPath path, bool follow,
                         PathLocks::Held& held);

}  // namespace ferry::session
