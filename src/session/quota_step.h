// Operations on names, as quotas see them: what a name holds is looked at before, and what became of it is settled
// afterwards, with nobody in between. Costs nothing where nobody pays.
//
//   QuotaStep step = co_await QuotaStep::losing(account, path);
//   ... storage.remove_file(path) ...
//   if (removed) co_await step.done();
#pragma once

#include "session/account.h"
#include "session/upload_room.h"

namespace ferry::session {

class QuotaStep {
 public:
  QuotaStep(QuotaStep&& other) noexcept = default;
  ~QuotaStep();

  // `path` is about to lose what it holds.
  static Task<QuotaStep> losing(Account& account, VirtualPath path);
  // The same without the account: of its `payers`, in its storage.
  static Task<QuotaStep> losing(std::shared_ptr<Ledger> ledger, Payers payers, vfs::FileSystem& storage,
                                VirtualPath path);
  // It has lost it already: to somebody who counts nothing.
  static Task<QuotaStep> lost(Account& account, VirtualPath path, Existing what);
  // The same, because `from` of the same mount is renamed to it.
  static Task<QuotaStep> renaming(Account& account, VirtualPath from, VirtualPath path);
  // The file is about to be given this size. quota_exceeded; permission_denied: see may_resize().
  static Task<Result<QuotaStep>> resizing(Account& account, VirtualPath path, std::uint64_t size, bool follow);
  // The file is about to get one more name. quota_exceeded; conflict: it is being written.
  static Task<Result<QuotaStep>> linking(Account& account, VirtualPath existing, VirtualPath link);

  // The storage has done it. Without this nothing has happened.
  Task<void> done();

 private:
  QuotaStep(std::shared_ptr<Ledger> ledger, Payers payers) : ledger_(std::move(ledger)), payers_(std::move(payers)) {}
  // With the names held, which lie in one mount; they may be the same. Without payers nothing is done.
  static Task<QuotaStep> begin(Account& account, VirtualPath from, VirtualPath path);
  Result<void> reserve(QuotaUsage wanted);

  std::shared_ptr<Ledger> ledger_;
  Payers payers_;  // empty: nothing to do
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
