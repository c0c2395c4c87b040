#include "session/account_session.h"

#include "session/listing.h"
#include "session/quota_step.h"

namespace ferry::session {

using model::FileAction;

namespace {

Task<Result<vfs::FileInfo>> look(vfs::FileSystem& storage, VirtualPath path, bool follow) {
  Result<vfs::FileInfo> info = fail(ErrorCode::internal);
  if (follow) {
    info = co_await storage.stat(path);
  } else {
    info = co_await storage.lstat(path);
  }
  co_return info;
}

// Whether the storage itself is in trouble. Clients ask for what does not exist all the time: that is no news.
bool says_of_storage(ErrorCode code) {
  switch (code) {
    case ErrorCode::authentication_failed:
    case ErrorCode::protocol_error:
    case ErrorCode::timeout:
    case ErrorCode::connection_lost:
    case ErrorCode::limit_exceeded:
    case ErrorCode::io_error:
    case ErrorCode::internal: return true;
    default: return false;
  }
}

}  // namespace

AccountSession::LoggedOperation::LoggedOperation(SessionState& owner, std::string_view name, const VirtualPath& where)
    : state(owner), what(name), path(where) {
  state.registration->touch();
}

std::unexpected<Error> AccountSession::LoggedOperation::failed(Error error) const {
  log_failure(*state.who, what, path, error);
  return fail(std::move(error));
}

void AccountSession::LoggedOperation::done(std::string_view command, const VirtualPath* target,
                                           std::optional<std::uint64_t> size) const {
  const std::string location = state.location(path);
  const std::string there = target != nullptr ? state.location(*target) : std::string();
  CommandLine line{.path = {location, path.text()}, .size = size};
  if (target != nullptr) line.target = {there, target->text()};
  log_command(*state.who, command, line, start);
}

void AccountSession::LoggedOperation::linked(const VirtualPath& to) const {
  const std::string there = state.location(to), location = state.location(path);
  log_command(*state.who, "Symlink", {.path = {there, to.text()}, .target = {location, path.text()}}, start);
}

Task<Result<void>> AccountSession::tell(const LoggedOperation& step, FileAction action, const VirtualPath* target,
                                        std::uint64_t size) {
  FileEvents& events = *state_->events;
  if (!events.wants(action)) co_return Result<void>();
  model::FileEvent event = events.event(action, events.place(state_->mounts, step.path));
  if (target != nullptr) {
    event.target_path = state_->location(*target);
    event.virtual_target_path = target->text();
  }
  event.file_size = static_cast<std::int64_t>(size);
  event.elapsed = elapsed_since(step.start);
  Result<void> told = co_await events.tell(std::move(event));
  co_return told;
}

void AccountSession::log_ssh_command(const std::vector<VirtualPath>& paths) const {
  const Identity& who = *state_->who;
  const std::string location = paths.empty() ? "" : state_->location(paths[0]);
  const std::string there = paths.size() < 2 ? "" : state_->location(paths[1]);
  constexpr std::size_t most_logged = 4096;  // what a client sends must not fill the log
  CommandLine line{.ssh_command = std::string_view(who.connection.command).substr(0, most_logged)};
  if (!paths.empty()) line.path = {location, paths[0].text()};
  if (paths.size() > 1) line.target = {there, paths[1].text()};
  log_command(who, "SSHCommand", line, state_->begun);
}

Task<Result<void>> AccountSession::command_ended(std::string name, std::vector<VirtualPath> paths, bool succeeded) {
  if (succeeded) log_ssh_command(paths);
  FileEvents& events = *state_->events;
  if (!events.wants(FileAction::ssh_command)) co_return Result<void>();
  model::FileEvent event;
  if (paths.empty()) {
    event = events.event(FileAction::ssh_command, {{}, {}, &state_->user->filesystem});
    event.virtual_path.clear();
  } else {
    event = events.event(FileAction::ssh_command, events.place(state_->mounts, paths[0]));
  }
  if (paths.size() > 1) {
    event.target_path = state_->location(paths[1]);
    event.virtual_target_path = paths[1].text();
  }
  event.ssh_cmd = std::move(name);
  event.status = succeeded ? model::FileEvent::ok : model::FileEvent::failed;
  event.elapsed = elapsed_since(state_->begun);
  Result<void> told = co_await events.tell(std::move(event));
  co_return told;
}

Task<Result<vfs::FileInfo>> AccountSession::look_at(VirtualPath path, bool follow) {
  const LoggedOperation step(*state_, "stat", path);
  const vfs::MountTable::Target target = state_->mounts.resolve(path);
  Result<vfs::FileInfo> info = fail(ErrorCode::unsupported);
  bool pinned = state_->mounts.is_pinned(path);
  if (!state_->has_uniform_rules()) {
    // Most paths hold no links: then the text says where they lead, and nothing has to be resolved beforehand.
    const Result<void> checked = state_->check_text(Operation::list, path);
    if (!checked) co_return step.failed(checked.error());
    const std::shared_ptr<vfs::FileSystem> safe = state_->link_free(*target.mount);
    info = co_await look(*safe, target.path, follow);
  }
  if (!info && info.error().code == ErrorCode::unsupported) {
    const Result<VirtualPath> allowed = co_await state_->check(Operation::list, path, follow);
    if (!allowed) co_return step.failed(allowed.error());
    const vfs::MountTable::Target place = state_->mounts.resolve(*allowed);
    info = co_await look(*state_->storage_of(*place.mount), place.path, follow);
    pinned = pinned || state_->mounts.is_pinned(*allowed);
  }
  if (!info && info.error().code == ErrorCode::not_found && !pinned) info = co_await look_at_own(path, follow);
  if (!info && says_of_storage(info.error().code)) log_failure(*state_->who, "stat", path, info.error());
  if ((!info || info->type != vfs::FileType::directory) && pinned) {
    co_return pinned_directory();
  }
  co_return info;
}

Task<Result<vfs::FileInfo>> AccountSession::stat(VirtualPath path) {
  Result<vfs::FileInfo> info = co_await look_at(std::move(path), true);
  co_return info;
}

Task<Result<vfs::FileInfo>> AccountSession::lstat(VirtualPath path) {
  Result<vfs::FileInfo> info = co_await look_at(std::move(path), false);
  co_return info;
}

Task<Result<std::unique_ptr<OpenDirectory>>> AccountSession::open_directory(VirtualPath path) {
  const LoggedOperation step(*state_, "list", path);
  const Result<VirtualPath> real = co_await state_->check_listing(path);
  if (!real) co_return step.failed(real.error());
  Result<std::unique_ptr<Listing>> listing = co_await Listing::open(state_, path, *real);
  if (!listing) co_return step.failed(listing.error());
  co_return std::move(*listing);
}

// Of a directory or a link. `use`, as long as it lives, keeps a move to another mount from taking the directory away in
// which it is made: what was made would be removed with the source.
Task<Result<HeldName>> AccountSession::hold_to_make(vfs::MountTable::Target place, std::shared_ptr<const void>& use) {
  const std::shared_ptr<vfs::FileSystem> storage = state_->storage_of(*place.mount);
  if (!state_->ledger) co_return HeldName{storage, place.path};
  Result<HeldName> name = co_await hold_name(storage, place.path);
  if (!name) co_return name;
  Result<std::shared_ptr<const void>> noted = note_use(state_->ledger->uploads(), *name, *storage);
  if (!noted) co_return fail(noted.error());
  use = std::move(*noted);
  co_return name;
}

Task<Result<void>> AccountSession::make_directory(VirtualPath path, std::uint32_t mode) {
  const LoggedOperation step(*state_, "mkdir", path);
  const Result<VirtualPath> allowed = co_await state_->check(Operation::make_directory, path, false);
  if (!allowed) co_return step.failed(allowed.error());
  if (state_->mounts.is_pinned(*allowed)) co_return step.failed({ErrorCode::already_exists, "a mount point"});
  const vfs::MountTable::Target target = state_->mounts.resolve(*allowed);
  mode = state_->mode_of_new(path, *allowed, mode, usual_directory_mode);
  std::shared_ptr<const void> use;
  const Result<HeldName> name = co_await hold_to_make(target, use);
  if (!name) co_return step.failed(name.error());
  const Result<void> made = co_await name->storage->make_directory(name->path, mode);
  if (!made) co_return step.failed(made.error());
  step.done("Mkdir");
  const Result<void> told = co_await tell(step, FileAction::make_directory);
  co_return told;
}

Task<Result<void>> AccountSession::remove_file(VirtualPath path) {
  const LoggedOperation step(*state_, "remove", path);
  const Result<VirtualPath> allowed = co_await state_->check(Operation::remove_file, path, false);
  if (!allowed) co_return step.failed(allowed.error());
  if (state_->mounts.is_pinned(*allowed)) co_return step.failed({ErrorCode::is_a_directory, "a mount point"});
  Result<vfs::FileInfo> info = fail(ErrorCode::not_found);
  const bool questioned = state_->events->wants(FileAction::pre_remove);
  if (questioned || state_->events->wants(FileAction::remove)) {
    const vfs::MountTable::Target target = state_->mounts.resolve(*allowed);
    info = co_await state_->storage_of(*target.mount)->lstat(target.path);
  }
  const Result<void> asked = co_await ask(FileAction::pre_remove, path, *allowed, {});
  if (!asked) co_return step.failed(asked.error());
  const Result<void> removed = co_await take_away(*allowed);
  if (!removed && removed.error().code == ErrorCode::not_found && questioned && info) {
    // The hook has taken it away itself: it knows, and nobody is told.
    QuotaStep quota = QuotaStep::removed(*state_, *allowed, countable(info));
    co_await quota.done();
    step.done("Remove");
    co_return Result<void>();
  }
  if (!removed) co_return step.failed(removed.error());
  step.done("Remove");
  const std::uint64_t size = info ? info->size : 0;
  const Result<void> told = co_await tell(step, FileAction::remove, nullptr, size);
  co_return told;
}

Task<Result<void>> AccountSession::take_away(VirtualPath path) {
  Result<QuotaStep> quota = co_await QuotaStep::removing(*state_, path);
  if (!quota) co_return fail(quota.error());
  Result<void> removed = co_await quota->at().storage->remove_file(quota->at().path);
  if (removed) co_await quota->done();
  if (!removed && removed.error().code == ErrorCode::not_found) removed = co_await remove_own(path);
  co_return removed;
}

Task<Result<void>> AccountSession::remove_directory(VirtualPath path) {
  const LoggedOperation step(*state_, "rmdir", path);
  const Result<VirtualPath> allowed = co_await state_->check(Operation::remove_directory, path, false);
  if (!allowed) co_return step.failed(allowed.error());
  if (state_->mounts.is_pinned(*allowed)) co_return step.failed({ErrorCode::permission_denied, "a mount point"});
  const vfs::MountTable::Target target = state_->mounts.resolve(*allowed);
  const Result<HeldName> name = co_await hold_name(state_->storage_of(*target.mount), target.path);
  if (!name) co_return step.failed(name.error());
  const Result<void> removed = co_await remove_empty(*name);
  if (!removed) {
    const Error why = co_await state_->discreet(removed.error(), path);
    co_return step.failed(why);
  }
  step.done("Rmdir");
  const Result<void> told = co_await tell(step, FileAction::remove_directory);
  co_return told;
}

// A directory takes everything below it along, so the right is needed in every directory there, at both ends.
Task<Result<void>> AccountSession::check_rename(VirtualPath& from, VirtualPath& to, bool& overwrite,
                                                std::shared_ptr<StagedUpload>& own) {
  const auto pinned = [this](const VirtualPath& path) { return state_->mounts.is_pinned(path); };
  const Error mount_point{ErrorCode::permission_denied, "a mount point"};
  if (pinned(from) || pinned(to)) co_return fail(mount_point);
  Result<VirtualPath> real = from;
  if (!state_->has_uniform_rules()) real = co_await state_->canonical(from, false);
  const vfs::MountTable::Target source = state_->mounts.resolve(real.value_or(from));
  const Result<vfs::FileInfo> info = co_await source.mount->storage->lstat(source.path);
  // Whoever may not rename learns no more from a missing file than from one that is there.
  const bool directory = info && info->type == vfs::FileType::directory;
  const Operation operation = directory ? Operation::rename_directory : Operation::rename_file;
  const Result<VirtualPath> old_place = co_await state_->check(operation, from, false);
  if (!old_place) co_return fail(old_place.error());
  const Result<VirtualPath> new_place = co_await state_->check(operation, to, false);
  if (!new_place) co_return fail(new_place.error());
  if (pinned(*old_place) || pinned(*new_place)) co_return fail(mount_point);
  if (!info && info.error().code == ErrorCode::not_found) own = co_await state_->own_upload(*old_place, false);
  if (!info && !own) co_return fail(info.error());
  if (directory) {
    Result<void> throughout = check_tree(operation, from, to);
    if (throughout) throughout = check_tree(operation, *old_place, *new_place);
    if (!throughout) co_return throughout;
  }
  if (overwrite) {
    const Result<VirtualPath> may_replace = co_await state_->check(Operation::overwrite, to, false);
    overwrite = may_replace && *may_replace == *new_place;
  }
  from = *old_place;
  to = *new_place;
  co_return Result<void>();
}

Result<void> AccountSession::check_tree(Operation operation, const VirtualPath& from, const VirtualPath& to) const {
  const Permissions& permissions = state_->permissions;
  if (!permissions.allow_throughout(operation, from) || !permissions.allow_throughout(operation, to)) {
    return fail(ErrorCode::permission_denied, "a directory below may not be renamed");
  }
  if (!state_->patterns.alike(from, to)) return fail(ErrorCode::permission_denied, "other file patterns hold below");
  return {};
}

Task<Result<void>> AccountSession::rename(VirtualPath from, VirtualPath to, bool overwrite, GivenUp given_up) {
  const LoggedOperation step(*state_, "rename", from);
  const bool asked = overwrite;
  VirtualPath old_place = from, new_place = to;
  std::shared_ptr<StagedUpload> own;
  const Result<void> allowed = co_await check_rename(old_place, new_place, overwrite, own);
  if (!allowed) co_return step.failed(allowed.error());
  Result<void> renamed;
  if (own) {
    renamed = co_await rename_own(own, new_place, overwrite);
  } else {
    renamed = co_await move(old_place, new_place, overwrite, std::move(given_up));
  }
  if (!renamed && asked && !overwrite && renamed.error().code == ErrorCode::already_exists) {
    renamed = fail(ErrorCode::permission_denied, "may not overwrite");
  }
  if (!renamed) {
    const Error why = co_await state_->discreet(renamed.error(), to);
    co_return step.failed(why);
  }
  step.done("Rename", &to);
  const Result<void> told = co_await tell(step, FileAction::rename, &to);
  co_return told;
}

Task<Result<void>> AccountSession::make_symlink(std::string target, VirtualPath link) {
  const LoggedOperation step(*state_, "symlink", link);
  const Result<VirtualPath> meant = VirtualPath::parse(target, link.parent());
  if (!meant) co_return step.failed(meant.error());
  const Result<VirtualPath> place = co_await state_->check(Operation::make_link, link, false);
  if (!place) co_return step.failed(place.error());
  const Result<VirtualPath> goal = co_await state_->check(Operation::make_link, *meant, true);
  if (!goal) co_return step.failed(goal.error());
  if (state_->mounts.is_pinned(*place)) co_return step.failed({ErrorCode::already_exists, "a mount point"});
  const vfs::MountTable::Target there = state_->mounts.resolve(*meant), here = state_->mounts.resolve(*place);
  if (here.mount != there.mount) co_return step.failed({ErrorCode::unsupported, "a link between two storages"});
  const Result<void> allowed = state_->check_links(*here.mount);
  if (!allowed) co_return step.failed(allowed.error());
  // An absolute target means the account's tree; the storage knows only its own.
  if (target.starts_with('/')) target = there.path.text();
  std::shared_ptr<const void> use;
  const Result<HeldName> name = co_await hold_to_make(here, use);
  if (!name) co_return step.failed(name.error());
  const Result<void> made = co_await name->storage->make_symlink(target, name->path);
  if (!made) co_return step.failed(made.error());
  step.linked(*meant);
  co_return Result<void>();
}

Task<Result<std::string>> AccountSession::read_symlink(VirtualPath path) {
  const LoggedOperation step(*state_, "readlink", path);
  const Result<VirtualPath> allowed = co_await state_->check(Operation::list, path, false);
  if (!allowed) co_return step.failed(allowed.error());
  const vfs::MountTable::Target target = state_->mounts.resolve(*allowed);
  Result<std::string> text = co_await state_->storage_of(*target.mount)->read_symlink(target.path);
  if (!text) co_return step.failed(text.error());
  if (!text->starts_with('/') || target.mount->point.is_root()) co_return text;
  co_return *text == "/" ? target.mount->point.text() : target.mount->point.text() + *text;
}

Task<Result<void>> AccountSession::make_hard_link(VirtualPath existing, VirtualPath link) {
  const LoggedOperation step(*state_, "link", link);
  const Result<VirtualPath> place = co_await state_->check(Operation::make_link, link, false);
  if (!place) co_return step.failed(place.error());
  const Result<VirtualPath> goal = co_await state_->check(Operation::make_link, existing, false);
  if (!goal) co_return step.failed(goal.error());
  if (state_->mounts.is_pinned(*place)) co_return step.failed({ErrorCode::already_exists, "a mount point"});
  const vfs::MountTable::Target there = state_->mounts.resolve(*goal), here = state_->mounts.resolve(*place);
  if (here.mount != there.mount) co_return step.failed({ErrorCode::unsupported, "a link between two storages"});
  const Result<void> allowed = state_->check_links(*here.mount, true);
  if (!allowed) co_return step.failed(allowed.error());
  Result<QuotaStep> quota = co_await QuotaStep::linking(*state_, *goal, *place);
  if (!quota) co_return step.failed(quota.error());
  Result<void> made;
  if (quota->at().storage == quota->from().storage) {
    made = co_await quota->at().storage->make_hard_link(quota->from().path, quota->at().path);
  } else {
    made = co_await quota->at().storage->link_from(*quota->from().storage, quota->from().path, quota->at().path);
  }
  if (!made) co_return step.failed(made.error());
  co_await quota->done();
  step.linked(existing);
  co_return Result<void>();
}

// As Transfer::keep_size.
Task<Result<void>> AccountSession::keep_size(VirtualPath place, vfs::AttributeChange& change, bool follow) {
  const vfs::MountTable::Target target = state_->mounts.resolve(place);
  const Result<vfs::FileInfo> info = co_await look(*state_->storage_of(*target.mount), target.path, follow);
  if (!info) co_return fail(info.error());
  if (info->type != vfs::FileType::regular || info->size != *change.size) co_return fail(cannot_cut());
  change.size.reset();
  co_return Result<void>();
}

Task<Result<void>> AccountSession::set_attributes(VirtualPath path, vfs::AttributeChange change, bool follow) {
  const LoggedOperation step(*state_, "setstat", path);
  VirtualPath place = path;
  Result<vfs::AttributeChange> allowed = co_await state_->permitted_changes(place, std::move(change), follow, false);
  if (!allowed) co_return step.failed(allowed.error());
  if (allowed->size && !state_->mounts.resolve(place).mount->storage->capabilities().truncate) {
    const Result<void> kept = co_await keep_size(place, *allowed, follow);
    if (!kept) co_return step.failed(kept.error());
  }
  if (!allowed->size && !allowed->mode && !allowed->owner && !allowed->times) {
    // All that is left to find out is whether it is there. Who may not look is told of success, and learns nothing.
    const Result<VirtualPath> seen = co_await state_->check(Operation::list, path, follow);
    if (!seen && seen.error().code == ErrorCode::permission_denied) co_return Result<void>();
    if (!seen) co_return step.failed(seen.error());
    place = *seen;
  }
  const vfs::MountTable::Target target = state_->mounts.resolve(place);
  HeldName name{state_->storage_of(*target.mount), target.path};
  std::optional<QuotaStep> quota;
  if (allowed->size) {
    Result<QuotaStep> resizing = co_await QuotaStep::resizing(*state_, place, *allowed->size, follow);
    if (!resizing) co_return step.failed(resizing.error());
    quota.emplace(std::move(*resizing));
    name = quota->at();
  }
  Result<void> changed = co_await name.storage->set_attributes(name.path, *allowed, follow);
  if (!changed && changed.error().code == ErrorCode::not_found) {
    quota.reset();
    changed = co_await change_own(place, *allowed, follow);
  }
  if (!changed && state_->ignores(changed.error(), *allowed)) co_return Result<void>();
  if (!changed) co_return step.failed(changed.error());
  if (quota) co_await quota->done();
  const std::string location = state_->location(path);
  log_changes(*state_->who, {location, path.text()}, *allowed, step.start);
  co_return Result<void>();
}

Task<Result<vfs::SpaceInfo>> AccountSession::space(VirtualPath path) {
  const LoggedOperation step(*state_, "statvfs", path);
  const Result<VirtualPath> allowed = co_await state_->check(Operation::list, path, true);
  if (!allowed) co_return step.failed(allowed.error());
  const vfs::MountTable::Target target = state_->mounts.resolve(*allowed);
  Result<vfs::SpaceInfo> space = co_await state_->storage_of(*target.mount)->space(target.path);
  if (!space) co_return step.failed(space.error());
  co_return state_->space_in(*target.mount, *space);
}

Task<Result<bool>> AccountSession::holds_mounts(VirtualPath path) {
  const Result<VirtualPath> real = co_await state_->check(Operation::list, path, false);
  if (!real) co_return fail(real.error());
  for (const model::VirtualFolder& folder : state_->user->virtual_folders) {
    const Result<VirtualPath> point = VirtualPath::parse(folder.virtual_path);
    if (point && (point->is_within(path) || point->is_within(*real))) co_return true;
  }
  co_return false;
}

}  // namespace ferry::session
