#include "session/session_state.h"

#include <algorithm>

#include "session/partial_name.h"

namespace ferry::session {

namespace {

Error moving() { return {ErrorCode::conflict, "the path keeps changing"}; }

std::unexpected<Error> refused() { return fail(ErrorCode::permission_denied, "not among the account's permissions"); }

}  // namespace

const quota::Owners& SessionState::owners_of(const vfs::Mount& mount) const {
  static const quota::Owners nobody;
  return mount.id < owners.size() ? owners[mount.id] : nobody;
}

std::unique_ptr<quota::UploadQuota> SessionState::room_in(const vfs::Mount& mount) const {
  const quota::Owners& all = owners_of(mount);
  const std::int64_t largest = user->filters.max_upload_file_size;
  if (all.empty() && largest <= 0) return nullptr;
  return std::make_unique<quota::UploadQuota>(ledger, all,
                                              static_cast<std::uint64_t>(std::max<std::int64_t>(0, largest)));
}

std::unique_ptr<quota::DataAllowance> SessionState::data_allowance(bool upload) const {
  if (!transfers) return nullptr;
  return std::make_unique<quota::DataAllowance>(transfers, upload, quota::transfer_limits_of(*user));
}

vfs::SpaceInfo SessionState::space_in(const vfs::Mount& mount, vfs::SpaceInfo stored) const {
  const quota::Owners& all = owners_of(mount);
  const quota::Usage limits = all.limits(), room = all.room();
  const auto left = [](std::int64_t count) { return static_cast<std::uint64_t>(std::max<std::int64_t>(0, count)); };
  if (limits.size > 0) {
    const std::uint64_t unit = std::max<std::uint64_t>(1, stored.fragment_size);
    stored.blocks = left(limits.size) / unit;
    stored.blocks_free = left(room.size) / unit;
    stored.blocks_available = std::min(stored.blocks_free, stored.blocks_available);
  }
  if (limits.files > 0) {
    stored.files = left(limits.files);
    stored.files_free = left(room.files);
    // Some file systems know no number of files.
    stored.files_available =
        stored.files_available == 0 ? stored.files_free : std::min(stored.files_free, stored.files_available);
  }
  return stored;
}

std::string SessionState::location(const VirtualPath& path) const {
  const vfs::MountTable::Target target = mounts.resolve(path);
  return target.mount->storage->location(target.path);
}

Task<Result<VirtualPath>> SessionState::canonical(VirtualPath path, bool follow) {
  while (true) {
    const vfs::MountTable::Target target = mounts.resolve(path);
    const Result<VirtualPath> inside = co_await target.mount->storage->canonical(target.path, follow);
    if (!inside) co_return fail(inside.error());
    Result<VirtualPath> real = target.mount->point.join(*inside);
    // A link may lead into another mount, which may have links of its own. That one lies deeper, so this ends.
    if (!real || mounts.resolve(*real).mount == target.mount) co_return real;
    path = std::move(*real);
  }
}

Result<void> SessionState::check_text(Operation operation, const VirtualPath& path) const {
  if (has_partial_name(path)) return fail(ErrorCode::not_found, "a file that is not complete");
  const Verdict verdict = patterns.verdict(path, mounts);
  if (verdict == Verdict::hidden) return fail(ErrorCode::not_found, "hidden by the account's file patterns");
  if (!permissions.allow(operation, path.parent())) return refused();
  if (verdict == Verdict::denied && operation != Operation::list) {
    return fail(ErrorCode::permission_denied, "denied by the account's file patterns");
  }
  return {};
}

Result<void> SessionState::check_listing_text(const VirtualPath& directory) const {
  if (has_partial_name(directory)) return fail(ErrorCode::not_found, "a directory that is not complete");
  if (patterns.verdict(directory, mounts) == Verdict::hidden) {
    return fail(ErrorCode::not_found, "hidden by the account's file patterns");
  }
  return permissions.allow(Operation::list, directory) ? Result<void>() : refused();
}

const std::shared_ptr<vfs::FileSystem>& SessionState::link_free(const vfs::Mount& mount) {
  if (link_free_storages.size() <= mount.id) link_free_storages.resize(mount.id + 1);
  std::shared_ptr<vfs::FileSystem>& storage = link_free_storages[mount.id];
  if (!storage) storage = mount.storage->without_links();
  if (!storage) storage = mount.storage;
  return storage;
}

model::FilesystemProvider SessionState::provider_of(const vfs::Mount& mount) const {
  for (const model::VirtualFolder& folder : user->virtual_folders) {
    const Result<VirtualPath> point = VirtualPath::parse(folder.virtual_path);
    if (point && *point == mount.point) return folder.filesystem.provider;
  }
  return user->filesystem.provider;
}

Result<void> SessionState::check_links(const vfs::Mount& mount, bool hard) const {
  const vfs::Capabilities& can = mount.storage->capabilities();
  if (!(hard ? can.hard_links : can.symlinks)) return fail(ErrorCode::unsupported, "this storage has no such links");
  const unsigned bit = provider_of(mount) == model::FilesystemProvider::sftp ? 2 : 1;
  if ((options.symlink_mode & bit) != 0) return {};
  return fail(ErrorCode::permission_denied, "symlink_mode does not allow links here");
}

Task<Result<VirtualPath>> SessionState::check(Operation operation, VirtualPath path, bool follow) {
  Result<void> checked = check_text(operation, path);
  if (!checked) co_return fail(checked.error());
  if (has_uniform_rules()) co_return path;
  Result<VirtualPath> real = co_await canonical(path, follow);
  // A path that cannot be resolved (a file in its middle, a link out of the root) fails in the storage too.
  if (!real || *real == path) co_return real;
  checked = check_text(operation, *real);
  if (!checked) co_return fail(checked.error());
  co_return real;
}

Task<Result<VirtualPath>> SessionState::check_listing(VirtualPath directory) {
  Result<void> checked = check_listing_text(directory);
  if (!checked) co_return fail(checked.error());
  if (has_uniform_rules()) co_return directory;
  Result<VirtualPath> real = co_await canonical(directory, true);
  if (!real) co_return real;
  checked = check_listing_text(*real);
  if (!checked) co_return fail(checked.error());
  co_return real;
}

Task<std::shared_ptr<StagedUpload>> SessionState::own_upload(VirtualPath path, bool follow) {
  if (staged_uploads.empty() || path.is_root()) co_return nullptr;
  if (follow) {
    const Result<VirtualPath> real = co_await canonical(path, true);
    if (!real) co_return nullptr;
    path = *real;
  }
  const vfs::MountTable::Target target = mounts.resolve(path);
  const Result<HeldName> name = co_await hold_name(storage_of(*target.mount), target.path);
  if (!name) co_return nullptr;
  co_return own_upload_at(*name);
}

void SessionState::note_staged(const std::shared_ptr<StagedUpload>& upload) {
  // A client that only uploads never looks one up: what has ended goes here, each time the list has doubled.
  if (staged_uploads.size() >= staged_purge_at) {
    std::erase_if(staged_uploads, [](const std::weak_ptr<StagedUpload>& one) { return one.expired(); });
    staged_purge_at = std::max<std::size_t>(16, 2 * staged_uploads.size());
  }
  staged_uploads.push_back(upload);
}

std::shared_ptr<StagedUpload> SessionState::own_upload_at(const HeldName& name) {
  std::erase_if(staged_uploads, [](const std::weak_ptr<StagedUpload>& one) { return one.expired(); });
  for (const std::weak_ptr<StagedUpload>& one : staged_uploads) {
    std::shared_ptr<StagedUpload> upload = one.lock();
    if (!upload || upload->ending || upload->removed) continue;
    if (upload->target.key() == name.key()) return upload;
  }
  return nullptr;
}

Task<Error> SessionState::discreet(Error error, VirtualPath directory) {
  if (error.code != ErrorCode::directory_not_empty) co_return error;
  const auto hides = [this](const VirtualPath& place) {
    const NameFilter* filter = patterns.in(place);
    return filter != nullptr && filter->hides();
  };
  const Result<VirtualPath> real = co_await canonical(directory, false);
  if (hides(directory) || (real && hides(*real))) error.code = ErrorCode::permission_denied;
  co_return error;
}

Result<presence::OpenBudget::Taken> SessionState::take_places(std::size_t count) const {
  if (!budget) return presence::OpenBudget::Taken();
  return budget->take(count, presence::OpenBudget::Use::file);
}

bool SessionState::ignores(const Error& error, const vfs::AttributeChange& change) const {
  // It can set times, of files say, but not of this.
  return error.code == ErrorCode::unsupported && options.setstat_mode == SetstatMode::ignore_if_unsupported &&
         !change.size;
}

bool SessionState::ignores_attributes(const VirtualPath& path) const {
  if (options.setstat_mode == SetstatMode::ignore_if_unsupported) {
    return !mounts.resolve(path).mount->storage->capabilities().attributes;
  }
  return options.setstat_mode == SetstatMode::ignore;
}

std::uint32_t SessionState::mode_of_new(const VirtualPath& path, const VirtualPath& place, std::uint32_t asked,
                                        std::uint32_t usual) const {
  if (asked == usual || ignores_attributes(place)) return usual;
  const bool allowed = permissions.allow(Operation::chmod, path.parent()) &&
                       (path == place || permissions.allow(Operation::chmod, place.parent()));
  return allowed ? asked : usual;
}

Task<Result<vfs::AttributeChange>> SessionState::permitted_changes(VirtualPath& path, vfs::AttributeChange wanted,
                                                                   bool follow, bool may_resize) {
  const vfs::Capabilities& can = mounts.resolve(path).mount->storage->capabilities();
  const bool ignored = options.setstat_mode == SetstatMode::ignore;
  const bool incapable = options.setstat_mode == SetstatMode::ignore_if_unsupported;
  if (ignored || (incapable && !can.attributes)) {
    wanted.mode.reset();
    wanted.owner.reset();
  }
  if (ignored || (incapable && !can.times)) wanted.times.reset();
  if ((!can.attributes && (wanted.mode || wanted.owner)) || (!can.times && wanted.times)) {
    co_return fail(ErrorCode::unsupported, "this storage keeps no such attributes, and setstat_mode is 0");
  }
  // No client sets set-user-id or set-group-id: the server may well run as root.
  if (wanted.mode) *wanted.mode &= 01777;
  const std::pair<bool, Operation> needed[] = {{wanted.mode.has_value(), Operation::chmod},
                                               {wanted.owner.has_value(), Operation::chown},
                                               {wanted.times.has_value(), Operation::chtimes},
                                               {wanted.size.has_value() && !may_resize, Operation::overwrite}};
  std::optional<VirtualPath> place;
  for (const auto& [asked, operation] : needed) {
    if (!asked) continue;
    const Result<VirtualPath> allowed = co_await check(operation, path, follow);
    if (!allowed) co_return fail(allowed.error());
    if (place && *place != *allowed) co_return fail(moving());
    place = *allowed;
  }
  if (place) path = *place;
  co_return wanted;
}

void log_changes(const Identity& who, LoggedPath path, const vfs::AttributeChange& change, Clock::time_point start) {
  if (change.size) log_command(who, "Truncate", {.path = path, .size = change.size}, start);
  if (change.owner) log_command(who, "Chown", {.path = path, .owner = change.owner}, start);
  if (change.mode) log_command(who, "Chmod", {.path = path, .mode = change.mode}, start);
  if (change.times) log_command(who, "Chtimes", {.path = path, .times = change.times}, start);
}

}  // namespace ferry::session
