// Opening a file: the rights it needs, and where the bytes of an upload go meanwhile.
#include <fcntl.h>

#include "session/account_session.h"
#include "session/partial_name.h"
#include "session/quota_step.h"

namespace ferry::session {

Task<Result<std::unique_ptr<OpenFile>>> AccountSession::open(VirtualPath path, vfs::OpenOptions options) {
  const Step step(*account_, "open", path);
  if (account_->mounts.is_pinned(path)) co_return step.failed({ErrorCode::is_a_directory, "a mount point"});
  const bool asked_exclusive = options.exclusive;
  const Result<VirtualPath> place = co_await may_open(path, options);
  if (!place) co_return step.failed(place.error());
  if (account_->mounts.is_pinned(*place)) co_return step.failed({ErrorCode::is_a_directory, "a mount point"});
  const vfs::MountTable::Target target = account_->mounts.resolve(*place);
  options.mode = account_->mode_of_new(path, *place, options.mode, usual_file_mode);
  Result<OpenBudget::Taken> taken = account_->take_places();
  if (!taken) co_return step.failed(taken.error());
  Settlement settlement;
  settlement.taken = std::move(*taken);
  settlement.storage = account_->storage_of(*target.mount);
  settlement.target = target.path;
  settlement.upload = options.write;
  Result<void> asked;
  if (options.read) asked = co_await ask(model::FileAction::pre_download, path, *place, options);
  if (asked && options.write) asked = co_await ask(model::FileAction::pre_upload, path, *place, options);
  if (!asked) co_return step.failed(asked.error());
  if (options.read) settlement.sent = account_->data_allowance(false);
  if (options.write) settlement.received = account_->data_allowance(true);
  for (const auto* allowance : {&settlement.sent, &settlement.received}) {
    if (*allowance && !(*allowance)->any_left()) co_return step.failed(DataAllowance::refusal());
  }
  Result<void> opened;
  if (options.write) {
    settlement.ledger = account_->ledger;
    settlement.room = account_->room_in(*target.mount);
    opened = co_await open_upload(options, settlement);
    if (!opened && opened.error().code == ErrorCode::already_exists && !asked_exclusive) {
      opened = fail(ErrorCode::permission_denied, "may not overwrite");
    }
  } else {
    Result<std::unique_ptr<vfs::File>> file = co_await settlement.storage->open(target.path, options);
    if (file) settlement.file = std::move(*file);
    if (!file) opened = fail(file.error());
  }
  if (!opened) co_return step.failed(opened.error());
  co_return std::make_unique<Transfer>(account_, path, std::move(settlement));
}

namespace {

// As open(2) has them.
int open_flags(const vfs::OpenOptions& options) {
  int flags = options.read ? O_RDWR : O_WRONLY;
  if (options.append) flags |= O_APPEND;
  if (options.create) flags |= O_CREAT;
  if (options.exclusive) flags |= O_EXCL;
  if (options.truncate) flags |= O_TRUNC;
  return flags;
}

}  // namespace

Task<Result<void>> AccountSession::ask(model::FileAction action, VirtualPath path, VirtualPath place,
                                       vfs::OpenOptions options) {
  if (!account_->events->wants(action)) co_return Result<void>();
  model::FileEvent event = account_->events->event(action, account_->events->place(account_->mounts, path));
  if (action != model::FileAction::pre_download) {
    const vfs::MountTable::Target target = account_->mounts.resolve(place);
    vfs::FileSystem& storage = *account_->storage_of(*target.mount);
    Result<vfs::FileInfo> info = fail(ErrorCode::not_found);
    if (action == model::FileAction::pre_upload) {
      info = co_await storage.stat(target.path);
    } else {
      info = co_await storage.lstat(target.path);
    }
    if (info) event.file_size = static_cast<std::int64_t>(info->size);
  }
  if (action == model::FileAction::pre_upload) event.open_flags = open_flags(options);
  Result<void> answer = co_await account_->events->ask(std::move(event));
  co_return answer;
}

// Where the file lies, if the account has the rights. That to upload makes new files; touching one that is there needs
// the right to overwrite too. Without it the file is created exclusively, so that no race turns "new" into "existing".
Task<Result<VirtualPath>> AccountSession::may_open(const VirtualPath& path, vfs::OpenOptions& options) {
  Result<VirtualPath> place = path;
  if (options.read) place = co_await account_->check(Operation::download, path, true);
  if (!place || !options.write) co_return place;
  Result<VirtualPath> written = co_await account_->check(Operation::upload, path, true);
  if (!written) co_return written;
  if (options.read && *written != *place) co_return fail(ErrorCode::conflict, "the path keeps changing");
  const Result<VirtualPath> replaced = co_await account_->check(Operation::overwrite, path, true);
  if (!replaced && !options.create) co_return replaced;
  if (!replaced || *replaced != *written) options.exclusive = true;
  co_return written;
}

Task<Result<void>> AccountSession::open_upload(vfs::OpenOptions options, Settlement& settlement) {
  const bool atomic = account_->options.upload_mode != UploadMode::standard && (options.create || options.truncate) &&
                      settlement.storage->capabilities().atomic_rename;
  // From looking at what is there until it is counted, nobody else changes it.
  PathLocks::Held held, file_held;
  Existing existing;
  if (settlement.room && settlement.ledger) {
    held = co_await settlement.ledger->locks().take(settlement.storage->location(settlement.target));
    existing = co_await hold_file(*settlement.ledger, *settlement.storage, settlement.target, true, file_held);
    const bool fresh = options.create && options.exclusive, beside = atomic && options.truncate;
    Result<void> room;
    const bool counted = !settlement.room->payers().empty();
    if (counted && !fresh && !beside) room = may_resize(existing);
    if (room) room = settlement.room->check_open(existing, options);
    if (!room) co_return room;
  }

  Result<void> opened;
  if (atomic) {
    opened = co_await open_atomic(options, settlement);
  } else {
    Result<std::unique_ptr<vfs::File>> file = co_await settlement.storage->open(settlement.target, options);
    if (file) settlement.file = std::move(*file);
    if (!file) opened = fail(file.error());
  }
  if (!opened) co_return opened;
  const Result<vfs::FileInfo> info = co_await settlement.file->info();
  if (!info) co_return fail(info.error());
  if (settlement.ledger) settlement.writing = settlement.ledger->uploads().note_writer(info->id);
  if (settlement.room) settlement.room->begin(existing, *info, !settlement.partial, options);
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
