#include "session/account_session.h"

#include "session/listing.h"
#include "session/quota_step.h"

namespace ferry::session {

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

}  // namespace

AccountSession::Step::Step(Account& owner, std::string_view name, const VirtualPath& where)
    : account(owner), what(name), path(where) {
  account.registration->touch();
}

std::unexpected<Error> AccountSession::Step::failed(Error error) const {
  log_failure(*account.who, what, path, error);
  return fail(std::move(error));
}

void AccountSession::Step::done(std::string_view command, std::string_view target) const {
  const std::string location = account.location(path);
  log_command(*account.who, command, {.path = location, .target_path = target}, start);
}

Task<Result<vfs::FileInfo>> AccountSession::look_at(VirtualPath path, bool follow) {
  const Step step(*account_, "stat", path);
  const vfs::MountTable::Target target = account_->mounts.resolve(path);
  Result<vfs::FileInfo> info = fail(ErrorCode::unsupported);
  if (!account_->alike_everywhere()) {
    // Most paths hold no links: then the text says where they lead, and nothing has to be resolved beforehand.
    const Result<void> judged = account_->judge(Operation::list, path);
    if (!judged) co_return step.failed(judged.error());
    const std::shared_ptr<vfs::FileSystem> plain = account_->plain(*target.mount);
    info = co_await look(*plain, target.path, follow);
  }
  if (!info && info.error().code == ErrorCode::unsupported) {
    const Result<void> allowed = co_await account_->check(Operation::list, path, follow);
    if (!allowed) co_return step.failed(allowed.error());
    info = co_await look(*target.mount->storage, target.path, follow);
  }
  if ((!info || info->type != vfs::FileType::directory) && account_->mounts.is_pinned(path)) {
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
  const Step step(*account_, "list", path);
  const Result<VirtualPath> real = co_await account_->check_listing(path);
  if (!real) co_return step.failed(real.error());
  Result<std::unique_ptr<Listing>> listing = co_await Listing::open(account_, path, *real);
  if (!listing) co_return step.failed(listing.error());
  co_return std::move(*listing);
}

Task<Result<void>> AccountSession::make_directory(VirtualPath path, std::uint32_t mode) {
  const Step step(*account_, "mkdir", path);
  const Result<void> allowed = co_await account_->check(Operation::make_directory, path, false);
  if (!allowed) co_return step.failed(allowed.error());
  if (account_->mounts.is_pinned(path)) co_return step.failed({ErrorCode::already_exists, "a mount point"});
  const vfs::MountTable::Target target = account_->mounts.resolve(path);
  const Result<void> made = co_await target.mount->storage->make_directory(target.path, mode);
  if (!made) co_return step.failed(made.error());
  step.done("Mkdir");
  co_return Result<void>();
}

Task<Result<void>> AccountSession::remove_file(VirtualPath path) {
  const Step step(*account_, "remove", path);
  const Result<void> allowed = co_await account_->check(Operation::remove_file, path, false);
  if (!allowed) co_return step.failed(allowed.error());
  if (account_->mounts.is_pinned(path)) co_return step.failed({ErrorCode::is_a_directory, "a mount point"});
  const vfs::MountTable::Target target = account_->mounts.resolve(path);
  QuotaStep quota = co_await QuotaStep::losing(*account_, path);
  const Result<void> removed = co_await target.mount->storage->remove_file(target.path);
  if (!removed) co_return step.failed(removed.error());
  co_await quota.done();
  step.done("Remove");
  co_return Result<void>();
}

Task<Result<void>> AccountSession::remove_directory(VirtualPath path) {
  const Step step(*account_, "rmdir", path);
  const Result<void> allowed = co_await account_->check(Operation::remove_directory, path, false);
  if (!allowed) co_return step.failed(allowed.error());
  if (account_->mounts.is_pinned(path)) co_return step.failed({ErrorCode::permission_denied, "a mount point"});
  const vfs::MountTable::Target target = account_->mounts.resolve(path);
  const Result<void> removed = co_await target.mount->storage->remove_directory(target.path);
  if (!removed) co_return step.failed(account_->discreet(removed.error(), path));
  step.done("Rmdir");
  co_return Result<void>();
}

// A directory takes everything below it along, so the right is needed in every directory there, at both ends.
Task<Result<void>> AccountSession::check_rename(const VirtualPath& from, const VirtualPath& to, bool& overwrite) {
  const vfs::MountTable::Target source = account_->mounts.resolve(from);
  if (account_->mounts.is_pinned(from) || account_->mounts.is_pinned(to)) {
    co_return fail(ErrorCode::permission_denied, "a mount point");
  }
  const Result<vfs::FileInfo> info = co_await source.mount->storage->lstat(source.path);
  // Whoever may not rename learns no more from a missing file than from one that is there.
  const bool directory = info && info->type == vfs::FileType::directory;
  const Operation operation = directory ? Operation::rename_directory : Operation::rename_file;
  Result<void> allowed = co_await account_->check(operation, from, false);
  if (!allowed) co_return allowed;
  allowed = co_await account_->check(operation, to, false);
  if (!allowed) co_return allowed;
  if (!info) co_return fail(info.error());
  const Permissions& permissions = account_->permissions;
  if (directory && !(permissions.allow_throughout(operation, from) && permissions.allow_throughout(operation, to))) {
    co_return fail(ErrorCode::permission_denied, "a directory below may not be renamed");
  }
  if (directory && !account_->patterns.alike(from, to)) {
    co_return fail(ErrorCode::permission_denied, "other file patterns hold below");
  }
  if (overwrite) {
    const Result<void> may_replace = co_await account_->check(Operation::overwrite, to, false);
    overwrite = may_replace.has_value();
  }
  co_return Result<void>();
}

Task<Result<void>> AccountSession::rename(VirtualPath from, VirtualPath to, bool overwrite, GivenUp given_up) {
  const Step step(*account_, "rename", from);
  const bool asked = overwrite;
  const Result<void> allowed = co_await check_rename(from, to, overwrite);
  if (!allowed) co_return step.failed(allowed.error());
  Result<void> renamed = co_await move(from, to, overwrite, std::move(given_up));
  if (!renamed && asked && !overwrite && renamed.error().code == ErrorCode::already_exists) {
    renamed = fail(ErrorCode::permission_denied, "may not overwrite");
  }
  if (!renamed) co_return step.failed(account_->discreet(renamed.error(), to));
  const std::string there = account_->location(to);
  step.done("Rename", there);
  co_return Result<void>();
}

Task<Result<void>> AccountSession::make_symlink(std::string target, VirtualPath link) {
  const Step step(*account_, "symlink", link);
  const Result<VirtualPath> meant = VirtualPath::parse(target, link.parent());
  if (!meant) co_return step.failed(meant.error());
  Result<void> allowed = co_await account_->check(Operation::make_link, link, false);
  if (allowed) allowed = co_await account_->check(Operation::make_link, *meant, true);
  if (!allowed) co_return step.failed(allowed.error());
  if (account_->mounts.is_pinned(link)) co_return step.failed({ErrorCode::already_exists, "a mount point"});
  const vfs::MountTable::Target there = account_->mounts.resolve(*meant), here = account_->mounts.resolve(link);
  if (here.mount != there.mount) co_return step.failed({ErrorCode::unsupported, "a link between two storages"});
  allowed = account_->check_links(*here.mount);
  if (!allowed) co_return step.failed(allowed.error());
  // An absolute target means the account's tree; the storage knows only its own.
  if (target.starts_with('/')) target = there.path.text();
  const Result<void> made = co_await here.mount->storage->make_symlink(target, here.path);
  if (!made) co_return step.failed(made.error());
  const std::string location = account_->location(*meant);
  step.done("Symlink", location);
  co_return Result<void>();
}

Task<Result<std::string>> AccountSession::read_symlink(VirtualPath path) {
  const Step step(*account_, "readlink", path);
  const Result<void> allowed = co_await account_->check(Operation::list, path, false);
  if (!allowed) co_return step.failed(allowed.error());
  const vfs::MountTable::Target target = account_->mounts.resolve(path);
  Result<std::string> text = co_await target.mount->storage->read_symlink(target.path);
  if (!text) co_return step.failed(text.error());
  if (!text->starts_with('/') || target.mount->point.is_root()) co_return text;
  co_return *text == "/" ? target.mount->point.text() : target.mount->point.text() + *text;
}

Task<Result<void>> AccountSession::make_hard_link(VirtualPath existing, VirtualPath link) {
  const Step step(*account_, "link", link);
  Result<void> allowed = co_await account_->check(Operation::make_link, link, false);
  if (allowed) allowed = co_await account_->check(Operation::make_link, existing, false);
  if (!allowed) co_return step.failed(allowed.error());
  if (account_->mounts.is_pinned(link)) co_return step.failed({ErrorCode::already_exists, "a mount point"});
  const vfs::MountTable::Target there = account_->mounts.resolve(existing), here = account_->mounts.resolve(link);
  if (here.mount != there.mount) co_return step.failed({ErrorCode::unsupported, "a link between two storages"});
  allowed = account_->check_links(*here.mount);
  if (!allowed) co_return step.failed(allowed.error());
  Result<QuotaStep> quota = co_await QuotaStep::linking(*account_, existing, link);
  if (!quota) co_return step.failed(quota.error());
  const Result<void> made = co_await here.mount->storage->make_hard_link(there.path, here.path);
  if (!made) co_return step.failed(made.error());
  co_await quota->done();
  const std::string location = account_->location(existing);
  step.done("Symlink", location);
  co_return Result<void>();
}

Task<Result<void>> AccountSession::set_attributes(VirtualPath path, vfs::AttributeChange change, bool follow) {
  const Step step(*account_, "setstat", path);
  const Result<vfs::AttributeChange> allowed = co_await account_->permitted(path, std::move(change), follow, false);
  if (!allowed) co_return step.failed(allowed.error());
  const vfs::MountTable::Target target = account_->mounts.resolve(path);
  std::optional<QuotaStep> quota;
  if (allowed->size) {
    Result<QuotaStep> resizing = co_await QuotaStep::resizing(*account_, path, *allowed->size, follow);
    if (!resizing) co_return step.failed(resizing.error());
    quota.emplace(std::move(*resizing));
  }
  const Result<void> changed = co_await target.mount->storage->set_attributes(target.path, *allowed, follow);
  if (!changed) co_return step.failed(changed.error());
  if (quota) co_await quota->done();
  const std::string location = account_->location(path);
  log_changes(*account_->who, location, *allowed, step.start);
  co_return Result<void>();
}

Task<Result<vfs::SpaceInfo>> AccountSession::space(VirtualPath path) {
  const Step step(*account_, "statvfs", path);
  const Result<void> allowed = co_await account_->check(Operation::list, path, true);
  if (!allowed) co_return step.failed(allowed.error());
  const vfs::MountTable::Target target = account_->mounts.resolve(path);
  Result<vfs::SpaceInfo> space = co_await target.mount->storage->space(target.path);
  if (!space) co_return step.failed(space.error());
  co_return account_->space_in(*target.mount, *space);
}

}  // namespace ferry::session
