// Opening a file: the rights it needs, and where the bytes of an upload go meanwhile.
#include "session/account_session.h"
#include "session/partial_name.h"
#include "session/quota_step.h"

namespace ferry::session {

Task<Result<std::unique_ptr<OpenFile>>> AccountSession::open(VirtualPath path, vfs::OpenOptions options) {
  const Step step(*account_, "open", path);
  const vfs::MountTable::Target target = account_->mounts.resolve(path);
  Settlement settlement;
  settlement.storage = target.mount->storage;
  settlement.target = target.path;
  settlement.upload = options.write;
  if (account_->mounts.is_pinned(path)) co_return step.failed({ErrorCode::is_a_directory, "a mount point"});
  if (options.read) {
    const Result<void> allowed = co_await account_->check(Operation::download, path, true);
    if (!allowed) co_return step.failed(allowed.error());
    settlement.sent = account_->data_allowance(false);
    if (settlement.sent && !settlement.sent->any_left()) co_return step.failed(DataAllowance::refusal());
  }
  Result<void> opened;
  if (options.write) {
    settlement.ledger = account_->ledger;
    settlement.room = account_->room_in(*target.mount);
    settlement.received = account_->data_allowance(true);
    opened = co_await open_upload(path, options, settlement);
  } else {
    Result<std::unique_ptr<vfs::File>> file = co_await settlement.storage->open(target.path, options);
    if (file) settlement.file = std::move(*file);
    if (!file) opened = fail(file.error());
  }
  if (!opened) co_return step.failed(opened.error());
  co_return std::make_unique<Transfer>(account_, path, std::move(settlement));
}

// The right to upload makes new files; touching one that is there needs the right to overwrite too. Without
// it the file is created exclusively, so that no race turns "new" into "existing".
Task<Result<void>> AccountSession::open_upload(const VirtualPath& path, vfs::OpenOptions options,
                                               Settlement& settlement) {
  const Result<void> allowed = co_await account_->check(Operation::upload, path, true);
  if (!allowed) co_return allowed;
  const Result<void> replacing = co_await account_->check(Operation::overwrite, path, true);
  if (!replacing && !options.create) co_return replacing;
  const bool asked_exclusive = options.exclusive;
  if (!replacing) options.exclusive = true;
  if (settlement.received && !settlement.received->any_left()) co_return fail(DataAllowance::refusal());

  // From looking at what is there until it is counted, nobody else changes it.
  PathLocks::Held held, file_held;
  Existing existing;
  if (settlement.room && !settlement.room->payers().empty()) {
    held = co_await settlement.ledger->locks().take(settlement.storage->location(settlement.target));
    existing = co_await hold_file(*settlement.ledger, *settlement.storage, settlement.target, true, file_held);
    const Result<void> room = settlement.room->check_open(existing, options);
    if (!room) co_return room;
  }

  Result<void> opened;
  if (account_->options.upload_mode != UploadMode::standard && (options.create || options.truncate) &&
      settlement.storage->capabilities().atomic_rename) {
    opened = co_await open_atomic(options, settlement);
  } else {
    Result<std::unique_ptr<vfs::File>> file = co_await settlement.storage->open(settlement.target, options);
    if (file) settlement.file = std::move(*file);
    if (!file) opened = fail(file.error());
  }
  if (!opened && opened.error().code == ErrorCode::already_exists && !asked_exclusive) {
    co_return fail(ErrorCode::permission_denied, "may not overwrite");
  }
  if (!opened || !settlement.room) co_return opened;
  const Result<vfs::FileInfo> info = co_await settlement.file->info();
  if (!info) co_return fail(info.error());
  settlement.room->begin(existing, *info, !settlement.partial, options);
  co_return opened;
}

// Makes `at` a name in temp_path, if there is one that the target's storage can take files over from.
Task<Result<void>> AccountSession::stage(Settlement& settlement, VirtualPath& at) {
  const std::shared_ptr<vfs::FileSystem>& staging = account_->staging;
  if (!staging || staging->name() != settlement.storage->name()) co_return Result<void>();
  // Beside its target a file cannot be made where there is no directory; here that would show at the end alone.
  const Result<vfs::FileInfo> parent = co_await settlement.storage->stat(at.parent());
  if (!parent) co_return fail(parent.error());
  if (parent->type != vfs::FileType::directory) co_return fail(ErrorCode::not_a_directory, "upload: its directory");
  const VirtualPath top;
  Result<VirtualPath> staged = top.child(at.name());
  if (!staged) co_return fail(staged.error());
  settlement.partial_storage = staging;
  at = std::move(*staged);
  co_return Result<void>();
}

// A new file, and one that is replaced as a whole, is written beside its target, or where temp_path says. One that is
// only changed (resumed, appended to) is written in place: a copy of what is there already would cost as much as it
// saves.
Task<Result<void>> AccountSession::open_atomic(vfs::OpenOptions options, Settlement& settlement) {
  vfs::FileSystem& storage = *settlement.storage;
  const Result<vfs::FileInfo> existing = co_await storage.stat(settlement.target);
  const bool missing = !existing && existing.error().code == ErrorCode::not_found;
  if (!existing && !(missing && options.create)) co_return fail(existing.error());
  settlement.overwrite = !options.exclusive;
  VirtualPath at = settlement.target;
  settlement.partial_storage = settlement.storage;
  if (existing && options.exclusive) co_return fail(ErrorCode::already_exists, "upload: the target exists");
  if (existing && existing->type == vfs::FileType::directory) {
    co_return fail(ErrorCode::is_a_directory, "upload: the target is a directory");
  }
  if (existing && existing->type != vfs::FileType::regular) {
    co_return fail(ErrorCode::permission_denied, "upload: the target is not a regular file");
  }
  if (existing && !options.truncate) {
    options.create = false;
  } else {
    const Result<void> staged = co_await stage(settlement, at);
    if (!staged) co_return staged;
    at = partial_path(at);
    options.create = options.exclusive = true;
    // The new content must not be readable for more people than the old one was.
    if (existing) options.mode = existing->mode;
  }
  Result<std::unique_ptr<vfs::File>> file = co_await settlement.partial_storage->open(at, options);
  if (!file) co_return fail(file.error());
  settlement.file = std::move(*file);
  if (options.exclusive) settlement.partial = at;
  settlement.keep_partial = account_->options.upload_mode == UploadMode::atomic_with_resume;
  co_return Result<void>();
}

}  // namespace ferry::session
