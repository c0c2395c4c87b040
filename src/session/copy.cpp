// What is copied on the server: because the account asks for it, or to rename from one storage to another.
#include "session/account_session.h"
#include "session/quota_step.h"
#include "session/tree_copy.h"
#include "vfs/confirmed.h"

namespace ferry::session {

Task<Result<void>> AccountSession::copy(VirtualPath from, VirtualPath to, bool overwrite, GivenUp given_up) {
  const LoggedOperation step(*state_, "copy", from);
  if (state_->mounts.is_pinned(to)) co_return step.failed({ErrorCode::already_exists, "a mount point"});
  const bool asked = overwrite;
  if (overwrite) {
    const Result<VirtualPath> may_replace = co_await state_->check(Operation::overwrite, to, false);
    overwrite = may_replace.has_value();
  }
  std::optional<std::uint64_t> size;  // of a file
  const vfs::MountTable::Target source = state_->mounts.resolve(from);
  const Result<vfs::FileInfo> info = co_await source.mount->storage->lstat(source.path);
  if (info && info->type == vfs::FileType::regular) size = info->size;
  TreeCopy tree(state_, TreeCopy::Purpose::copy, std::move(given_up));
  Result<void> done = co_await tree.run(from, to, overwrite);
  if (!done && asked && !overwrite && done.error().code == ErrorCode::already_exists) {
    done = fail(ErrorCode::permission_denied, "may not overwrite");
  }
  if (!done) {
    const Error why = co_await state_->discreet(done.error(), to);
    co_return step.failed(why);
  }
  step.done("Copy", &to, size);
  const Result<void> told = co_await tell(step, model::FileAction::copy, &to, size.value_or(0));
  co_return told;
}

// A directory is renamed as one where the storage can do that; else only if rename_mode lets it take many steps: those
// of the storage's own rename(), or a copy where it has none.
Task<Result<bool>> AccountSession::must_copy(const VirtualPath& from, const VirtualPath& to) {
  const vfs::MountTable::Target source = state_->mounts.resolve(from);
  if (source.mount != state_->mounts.resolve(to).mount) co_return true;
  vfs::FileSystem& storage = *state_->storage_of(*source.mount);
  if (storage.capabilities().directory_rename || state_->options.rename_mode == 1) co_return false;
  const Result<vfs::FileInfo> info = co_await storage.lstat(source.path);
  if (!info) co_return fail(info.error());
  if (info->type != vfs::FileType::directory) co_return false;
  Result<std::unique_ptr<vfs::Directory>> listing = co_await storage.open_directory(source.path);
  if (!listing) co_return fail(listing.error());
  const Result<std::vector<vfs::DirectoryEntry>> some = co_await (*listing)->next(1);
  if (!some) co_return fail(some.error());
  if (!some->empty()) co_return fail(ErrorCode::unsupported, "a directory that is not empty, and rename_mode is 0");
  co_return false;
}

Task<Result<void>> AccountSession::move(VirtualPath from, VirtualPath to, bool overwrite, GivenUp given_up) {
  Result<bool> copying = co_await must_copy(from, to);
  if (!copying) co_return fail(copying.error());
  Result<void> renamed = fail(ErrorCode::unsupported);
  if (!*copying) {
    Result<QuotaStep> quota = co_await QuotaStep::renaming(*state_, from, to);
    if (!quota) co_return fail(quota.error());
    // An empty directory that is replaced is gone for what is on its way into it (from temp_path).
    std::shared_ptr<const void> claim;
    if (overwrite && state_->staging && state_->ledger) {
      const Result<vfs::FileInfo> there = co_await quota->at().storage->lstat(quota->at().path);
      const bool directory = there && there->type == vfs::FileType::directory;
      Result<std::shared_ptr<const void>> claimed = nullptr;
      if (directory) claimed = state_->ledger->uploads().claim_removal(there->id);
      if (!claimed) co_return fail(claimed.error());
      claim = std::move(*claimed);
    }
    renamed = co_await rename_held(quota->from(), quota->at(), overwrite);
    const bool one_step = quota->at().storage->capabilities().atomic_rename;
    if (renamed) co_await quota->done();
    if (!renamed && !one_step && vfs::leaves_open(renamed.error())) co_await quota->partly_done();
  }
  if (!renamed && renamed.error().code == ErrorCode::unsupported) {
    TreeCopy tree(state_, TreeCopy::Purpose::move, std::move(given_up));
    renamed = co_await tree.run(from, to, overwrite);
  }
  co_return renamed;
}

}  // namespace ferry::session
