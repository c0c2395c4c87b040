// Opening a file: the rights it needs, and where the bytes of an upload go meanwhile.
#include <fcntl.h>

#include "session/account_session.h"
#include "session/held_name.h"
#include "session/partial_name.h"
#include "session/quota_step.h"
#include "vfs/confirmed.h"

namespace ferry::session {

Task<Result<std::unique_ptr<OpenFile>>> AccountSession::open(VirtualPath path, vfs::OpenOptions options) {
  const LoggedOperation step(*state_, "open", path);
  if (state_->mounts.is_pinned(path)) co_return step.failed({ErrorCode::is_a_directory, "a mount point"});
  const bool asked_exclusive = options.create && options.exclusive;
  const Result<VirtualPath> place = co_await may_open(path, options);
  if (!place) co_return step.failed(place.error());
  if (state_->mounts.is_pinned(*place)) co_return step.failed({ErrorCode::is_a_directory, "a mount point"});
  const vfs::MountTable::Target target = state_->mounts.resolve(*place);
  options.mode = state_->mode_of_new(path, *place, options.mode, usual_file_mode);
  Result<presence::OpenBudget::Taken> taken = state_->take_places();
  if (!taken) co_return step.failed(taken.error());
  Settlement settlement;
  settlement.taken = std::move(*taken);
  settlement.storage = state_->storage_of(*target.mount);
  settlement.target = target.path;
  settlement.mount_point = target.mount->point;
  settlement.upload = options.write;
  Result<void> asked;
  if (options.read) asked = co_await ask(model::FileAction::pre_download, path, *place, options);
  if (asked && options.write) asked = co_await ask(model::FileAction::pre_upload, path, *place, options);
  if (!asked) co_return step.failed(asked.error());
  if (options.read) settlement.sent = state_->data_allowance(false);
  if (options.write) settlement.received = state_->data_allowance(true);
  for (const auto* allowance : {&settlement.sent, &settlement.received}) {
    if (*allowance && !(*allowance)->any_left()) co_return step.failed(quota::DataAllowance::refusal());
  }
  Result<void> opened;
  if (options.write) {
    settlement.ledger = state_->ledger;
    settlement.room = state_->room_in(*target.mount);
    opened = co_await open_upload(options, asked_exclusive, settlement);
    if (!opened && opened.error().code == ErrorCode::already_exists && !asked_exclusive) {
      opened = fail(ErrorCode::permission_denied, "may not overwrite");
    }
  } else {
    opened = co_await open_download(*place, options, settlement);
  }
  if (!opened) co_return step.failed(opened.error());
  const std::optional<Error> unusable = settlement.unusable;
  auto transfer = std::make_unique<Transfer>(state_, path, std::move(settlement));
  if (unusable) {
    co_await transfer->abandon(*unusable);
    co_return step.failed(*unusable);
  }
  co_return std::move(transfer);
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
  if (!state_->events->wants(action)) co_return Result<void>();
  model::FileEvent event = state_->events->event(action, state_->events->place(state_->mounts, path));
  if (action != model::FileAction::pre_download) {
    const vfs::MountTable::Target target = state_->mounts.resolve(place);
    vfs::FileSystem& storage = *state_->storage_of(*target.mount);
    Result<vfs::FileInfo> info = fail(ErrorCode::not_found);
    if (action == model::FileAction::pre_upload) {
      info = co_await storage.stat(target.path);
    } else {
      info = co_await storage.lstat(target.path);
    }
    if (info) event.file_size = static_cast<std::int64_t>(info->size);
  }
  if (action == model::FileAction::pre_upload) event.open_flags = open_flags(options);
  Result<void> answer = co_await state_->events->ask(std::move(event));
  co_return answer;
}

// Where the file lies, if the account has the rights. That to upload makes new files; touching one that is there needs
// the right to overwrite too. Without it the file is created exclusively, so that no race turns "new" into "existing".
Task<Result<VirtualPath>> AccountSession::may_open(const VirtualPath& path, vfs::OpenOptions& options) {
  // Asked to make a file of its own, nobody follows a link: the link is what is there already.
  const bool follow = !(options.create && options.exclusive);
  Result<VirtualPath> place = path;
  if (options.read) place = co_await state_->check(Operation::download, path, follow);
  if (!place || !options.write) co_return place;
  Result<VirtualPath> written = co_await state_->check(Operation::upload, path, follow);
  if (!written) co_return written;
  if (options.read && *written != *place) co_return fail(ErrorCode::conflict, "the path keeps changing");
  const Result<VirtualPath> replaced = co_await state_->check(Operation::overwrite, path, follow);
  if (!replaced && !options.create) co_return replaced;
  if (!replaced || *replaced != *written) options.exclusive = true;
  co_return written;
}

Task<Result<void>> AccountSession::open_download(VirtualPath place, vfs::OpenOptions options, Settlement& settlement) {
  Result<std::unique_ptr<vfs::File>> file = co_await settlement.storage->open(settlement.target, options);
  if (!file && file.error().code == ErrorCode::not_found) {
    const std::shared_ptr<StagedUpload> own = co_await state_->own_upload(place, true);
    const StagedClaim claim(own);
    if (claim) file = co_await own->partial.storage->open(own->partial.path, options);
  }
  if (!file) co_return fail(file.error());
  settlement.file = std::move(*file);
  co_return Result<void>();
}

// The name that an upload goes to, in its directory, with the links that it may follow behind it.
Task<Result<HeldName>> AccountSession::hold_target(const Settlement& settlement, bool follow) {
  Result<HeldName> name = fail(ErrorCode::internal);
  // The path was checked by its text, so it must be used without following links.
  if (follow && state_->has_uniform_rules()) {
    name = co_await hold_followed(settlement.storage, settlement.target);
  } else {
    name = co_await hold_name(settlement.storage, settlement.target);
  }
  co_return name;
}

Task<Result<void>> AccountSession::open_upload(vfs::OpenOptions options, bool asked_exclusive, Settlement& settlement) {
  const vfs::Capabilities& can = settlement.storage->capabilities();
  const Result<FittedUpload> fitted = fit_upload(can, options);
  if (!fitted) co_return fail(fitted.error());
  settlement.order = fitted->order;
  settlement.placement = choose_placement(state_->options.upload_mode, can, options);
  // Who may make files alone, and does not ask for that, is not refused because of a link to nothing.
  Result<HeldName> name = co_await hold_target(settlement, !asked_exclusive);
  if (!name) co_return fail(name.error());
  // From looking at what is there until it is counted, nobody else changes it, and until its writer is noted nobody
  // moves it to another mount.
  quota::PathLocks::Held held, file_held;
  quota::Existing existing;
  if (settlement.ledger) held = co_await settlement.ledger->locks().take(name->key());
  if (settlement.room && settlement.ledger) {
    const Result<quota::Existing> found =
        co_await hold_file(*settlement.ledger, *name->storage, name->path, true, file_held);
    if (!found) co_return fail(found.error());
    existing = *found;
    const bool fresh = options.create && options.exclusive;
    const bool changed =
        settlement.placement == Placement::in_place || (settlement.placement == Placement::beside && !options.truncate);
    Result<void> room;
    if (!settlement.room->owners().empty() && !fresh && changed) room = may_resize(existing);
    // A second handle of an upload of this session needs no second place among the files.
    const bool second = settlement.placement == Placement::beside && !options.truncate && !existing &&
                        state_->own_upload_at(*name) != nullptr;
    if (room && !second) room = settlement.room->check_open(existing, options);
    if (!room) co_return room;
  }
  // Until it is open nobody takes the directory away; and of one that is staged, until it is in its place.
  std::shared_ptr<const void> arrival;
  if (settlement.ledger && name->directory != 0) {
    Result<std::shared_ptr<const void>> noted = note_arrival(settlement.ledger->uploads(), *name, *settlement.storage);
    if (!noted) co_return fail(noted.error());
    arrival = std::move(*noted);
  }
  Result<void> opened;
  const HeldName target = *name;
  switch (settlement.placement) {
    case Placement::in_place: opened = co_await open_in_place(options, std::move(*name), settlement); break;
    case Placement::beside: opened = co_await open_beside(options, std::move(*name), settlement); break;
    case Placement::by_storage: opened = co_await open_by_storage(options, std::move(*name), settlement); break;
  }
  if (!opened && fitted->new_only && opened.error().code == ErrorCode::already_exists) opened = fail(cannot_change());
  const bool perhaps = !opened && vfs::leaves_open(opened.error()) && settlement.placement == Placement::in_place;
  if (perhaps) co_await count_unanswered(target, existing, settlement);
  if (!opened) co_return opened;
  co_await look_at_opened(options, existing, settlement);
  if (settlement.staged) settlement.staged->arrival = std::move(arrival);
  co_return opened;
}

// The file may have been made or emptied, though the storage did not answer.
Task<void> AccountSession::count_unanswered(HeldName target, quota::Existing existing, const Settlement& settlement) {
  if (!settlement.room || !settlement.ledger) co_return;
  const Result<vfs::FileInfo> now = co_await target.storage->stat(target.path);
  if (!now && vfs::leaves_open(now.error())) co_return;
  const quota::Existing there = countable(now);
  quota::Usage change;
  if (there) change = {.files = 1, .size = static_cast<std::int64_t>(there->size)};
  if (existing) change = {change.files - 1, change.size - static_cast<std::int64_t>(existing->size)};
  if (change.files == 0 && change.size == 0) co_return;
  const quota::Owners owners = settlement.room->owners();
  owners.settle(change, {});
  co_await settlement.ledger->store(owners);
}

// Begins to count the file that was opened.
Task<void> AccountSession::look_at_opened(vfs::OpenOptions options, quota::Existing existing, Settlement& settlement) {
  vfs::FileInfo opened;
  const bool anew = settlement.began_anew || settlement.staged;
  // What such storage will show has no identity before it is complete.
  const bool known = settlement.placement == Placement::by_storage && anew;
  if (!known) {
    const Result<vfs::FileInfo> info = co_await settlement.file->info();
    if (info) opened = *info;
    // It may have been made or emptied all the same: it is ended and counted as any upload that fails.
    if (!info) settlement.unusable = info.error();
    if (!info && !anew && existing) opened = *existing;
  }
  if (settlement.placement == Placement::by_storage) opened.id = 0;
  settlement.file_id = opened.id;
  settlement.began_with = opened.size;
  settlement.order.begin(opened.size);
  const bool in_place = settlement.placement == Placement::in_place;
  if (settlement.ledger && settlement.placement != Placement::by_storage) {
    const HeldName& written = settlement.staged ? settlement.staged->partial : settlement.name;
    settlement.writing = settlement.ledger->uploads().note_writer(writer_id(opened, *written.storage, written.path));
  }
  // What the storage will show is a file of its own until then; other handles of a name are handles of one file.
  std::uint64_t file = 0;
  if (in_place) file = writer_id(opened, *settlement.name.storage, settlement.name.path);
  if (settlement.room) settlement.room->begin(existing, opened, in_place, options, file);
  if (!settlement.staged) co_return;
  settlement.staged->ledger = settlement.ledger;
  settlement.staged->room = settlement.room.get();
  if (settlement.unusable) settlement.staged->keep = false;
}

// Makes `at` a name in temp_path, if there is one and the target is on local storage. (What another kind stores is not
// what its clients send: an encrypted upload must not lie in temp_path as plain text.)
Task<Result<bool>> AccountSession::stage(HeldName& at, const Settlement& settlement) {
  const std::shared_ptr<vfs::FileSystem>& staging = state_->staging;
  const vfs::Mount& mount = *state_->mounts.resolve(settlement.mount_point).mount;
  if (!staging || state_->provider_of(mount) != model::FilesystemProvider::local) co_return false;
  // Beside its target a file cannot be made where there is no directory; here that would show at the end alone.
  const Result<vfs::FileInfo> parent = co_await at.storage->stat(at.path.parent());
  if (!parent) co_return fail(parent.error());
  if (parent->type != vfs::FileType::directory) co_return fail(ErrorCode::not_a_directory, "upload: its directory");
  const VirtualPath top;
  Result<VirtualPath> staged = top.child(at.path.name());
  if (!staged) co_return fail(staged.error());
  at = {staging, std::move(*staged)};
  co_return true;
}

Task<Result<void>> AccountSession::open_in_place(vfs::OpenOptions options, HeldName name, Settlement& settlement) {
  Result<std::unique_ptr<vfs::File>> file = fail(ErrorCode::not_found);
  settlement.began_anew = options.truncate || (options.create && options.exclusive);
  if (options.create && !settlement.began_anew) {
    // Made now, or there already: at the end that makes a difference.
    vfs::OpenOptions making = options;
    making.exclusive = true;
    file = co_await name.storage->open(name.path, making);
    settlement.began_anew = file.has_value();
    if (!file && file.error().code != ErrorCode::already_exists) co_return fail(file.error());
  }
  if (!file) file = co_await name.storage->open(name.path, options);
  if (!file) co_return fail(file.error());
  settlement.file = std::move(*file);
  settlement.name = std::move(name);
  co_return Result<void>();
}

Task<Result<void>> AccountSession::open_by_storage(vfs::OpenOptions options, HeldName name, Settlement& settlement) {
  settlement.began_anew = options.truncate || (options.create && options.exclusive);
  Result<std::unique_ptr<vfs::File>> file = co_await name.storage->open(name.path, options);
  if (!file) co_return fail(file.error());
  settlement.file = std::move(*file);
  settlement.name = std::move(name);
  co_return Result<void>();
}

// The session's own upload, which is not complete yet, opened once more.
Task<Result<void>> AccountSession::open_own(vfs::OpenOptions options, std::shared_ptr<StagedUpload> own,
                                            Settlement& settlement) {
  if (options.exclusive) co_return fail(ErrorCode::already_exists, "upload: it is being written");
  const StagedClaim claim(own);
  if (!claim) co_return fail(ErrorCode::conflict, "it has just been completed");
  options.create = false;
  if (settlement.room) {
    // Both handles count as one file by its id; without one, what both write would be counted twice.
    const Result<vfs::FileInfo> info = co_await own->partial.storage->lstat(own->partial.path);
    if (!info) co_return fail(info.error());
    if (info->id == 0) co_return fail(ErrorCode::conflict, "upload: it is being written");
  }
  Result<std::unique_ptr<vfs::File>> file = co_await own->partial.storage->open(own->partial.path, options);
  if (!file) co_return fail(file.error());
  settlement.file = std::move(*file);
  settlement.name = own->partial;
  co_return Result<void>();
}

// A new file, and one that is replaced as a whole, is written beside its target, or where temp_path says. One that is
// only changed (resumed, appended to) is written in place: a copy of what is there already would cost as much as it
// saves.
Task<Result<void>> AccountSession::open_beside(vfs::OpenOptions options, HeldName name, Settlement& settlement) {
  Result<vfs::FileInfo> existing = fail(ErrorCode::internal);
  if (options.exclusive) {
    existing = co_await name.storage->lstat(name.path);
  } else {
    existing = co_await name.storage->stat(name.path);
  }
  const bool missing = !existing && existing.error().code == ErrorCode::not_found;
  Result<void> opened;
  if (missing && !options.truncate) {
    const std::shared_ptr<StagedUpload> own = state_->own_upload_at(name);
    if (own) settlement.placement = Placement::in_place;
    if (own) opened = co_await open_own(options, own, settlement);
    if (own) co_return opened;
  }
  if (!existing && !(missing && options.create)) co_return fail(existing.error());
  if (existing && options.exclusive) co_return fail(ErrorCode::already_exists, "upload: the target exists");
  if (existing && existing->type == vfs::FileType::directory) {
    co_return fail(ErrorCode::is_a_directory, "upload: the target is a directory");
  }
  if (existing && existing->type != vfs::FileType::regular) {
    co_return fail(ErrorCode::permission_denied, "upload: the target is not a regular file");
  }
  if (existing && !options.truncate) {
    options.create = false;
    settlement.placement = Placement::in_place;
    opened = co_await open_in_place(options, std::move(name), settlement);
    co_return opened;
  }
  HeldName at = name;
  const Result<bool> elsewhere = co_await stage(at, settlement);
  if (!elsewhere) co_return fail(elsewhere.error());
  at.path = partial_path(at.path);
  const bool overwrite = !options.exclusive;
  options.create = options.exclusive = true;
  // The new content must not be readable for more people than the old one was.
  if (existing) options.mode = existing->mode;
  Result<presence::OpenBudget::Taken> place = state_->take_places();
  if (!place) co_return fail(place.error());
  Result<std::unique_ptr<vfs::File>> file = co_await at.storage->open(at.path, options);
  // Its name is known here alone: if it was made all the same nobody else would remove it before the next scan.
  if (!file && vfs::leaves_open(file.error())) (void)co_await at.storage->remove_file(at.path);
  if (!file) co_return fail(file.error());
  settlement.file = std::move(*file);
  settlement.staged = std::make_shared<StagedUpload>();
  StagedUpload& staged = *settlement.staged;
  staged.whole = settlement.storage;
  staged.place = std::move(*place);
  staged.began = where_is(name, *staged.whole).value_or(settlement.target);
  staged.target = std::move(name);
  staged.partial = std::move(at);
  staged.beside = !*elsewhere;
  staged.overwrite = overwrite;
  // Where it could not be resumed, what came of it would only look like the whole.
  staged.keep =
      state_->options.upload_mode == UploadMode::atomic_with_resume && settlement.storage->capabilities().resume;
  co_return opened;
}

}  // namespace ferry::session
