#include "session/factory.h"

#include <unistd.h>

#include "base/log.h"
#include "session/account_session.h"

namespace ferry::session {

namespace {

// Only root may give files away; any other account owns what it writes.
std::optional<vfs::AttributeChange::Owner> owner_of(const model::User& user) {
  if (::geteuid() != 0 || (user.uid <= 0 && user.gid <= 0)) return std::nullopt;
  const auto id = [](std::int64_t value) {
    constexpr std::uint32_t unchanged = ~std::uint32_t{0};
    return value > 0 ? static_cast<std::uint32_t>(value) : unchanged;
  };
  return vfs::AttributeChange::Owner{id(user.uid), id(user.gid)};
}

// `what` names the storage in errors: "home directory", "folder \"x\"".
Result<std::shared_ptr<vfs::FileSystem>> open_storage(const model::User& user, const model::FilesystemConfig& config,
                                                      std::string path, const Services& services,
                                                      const std::string& what, bool at_once = false,
                                                      const std::string& folder = {}) {
  Result<std::shared_ptr<vfs::FileSystem>> storage = services.storage({.config = config,
                                                                       .account = user.username,
                                                                       .folder = folder,
                                                                       .path = std::move(path),
                                                                       .umask = services.options.umask,
                                                                       .owner = owner_of(user),
                                                                       .at_once = at_once});
  if (!storage) return fail(storage.error().code, what + ": " + storage.error().message);
  return storage;
}

std::string name_of(const model::VirtualFolder& folder) { return "folder \"" + folder.name + '"'; }

Result<std::shared_ptr<vfs::FileSystem>> open_folder(const model::User& user, const model::VirtualFolder& folder,
                                                     const Services& services) {
  std::string path = folder.mapped_path;
  if (!folder.subpath.empty()) path += (folder.subpath.starts_with('/') ? "" : "/") + folder.subpath;
  return open_storage(user, folder.filesystem, std::move(path), services, name_of(folder), false, folder.name);
}

Result<void> mount_folder(vfs::MountTable& mounts, const model::User& user, const model::VirtualFolder& folder,
                          const Services& services) {
  const Result<VirtualPath> point = VirtualPath::parse(folder.virtual_path);
  if (!point || !folder.virtual_path.starts_with('/')) {
    return fail(ErrorCode::invalid_argument, name_of(folder) + ": bad path");
  }
  Result<std::shared_ptr<vfs::FileSystem>> storage = open_folder(user, folder, services);
  if (!storage) return fail(storage.error());
  return mounts.add(*point, std::move(*storage));
}

Result<vfs::MountTable> build_mounts(const model::User& user, const Services& services) {
  Result<std::shared_ptr<vfs::FileSystem>> home =
      open_storage(user, user.filesystem, user.home_dir, services, "home directory");
  if (!home) return fail(home.error());
  vfs::MountTable mounts(std::move(*home));
  for (const model::VirtualFolder& folder : user.virtual_folders) {
    const Result<void> mounted = mount_folder(mounts, user, folder, services);
    if (!mounted) return fail(mounted.error());
  }
  return mounts;
}

bool stages_uploads(const Options& options) {
  return !options.temp_path.empty() && options.upload_mode != UploadMode::standard;
}

// Where the user's atomic uploads grow, if that is not beside their targets.
Result<std::shared_ptr<vfs::FileSystem>> open_staging(const model::User& user, const Services& services) {
  static const model::FilesystemConfig local;
  if (!stages_uploads(services.options)) return nullptr;
  return open_storage(user, local, services.options.temp_path, services, "temp_path");
}

// Who pays for each mount, by the mount's id.
std::vector<quota::Owners> find_owners(const vfs::MountTable& mounts, const model::User& user, quota::Ledger& ledger) {
  std::vector<quota::Owners> owners(mounts.mounts().size());
  owners[0] = ledger.owners_of_home(user);
  for (const model::VirtualFolder& folder : user.virtual_folders) {
    const Result<VirtualPath> point = VirtualPath::parse(folder.virtual_path);
    if (point) owners[mounts.resolve(*point).mount->id] = ledger.owners_of_folder(user, folder);
  }
  return owners;
}

// What it may take a while to find out of an account.
struct Opened {
  vfs::MountTable mounts;
  std::shared_ptr<vfs::FileSystem> staging;
  std::vector<quota::Owners> owners;
  std::shared_ptr<quota::Balance> transfers;
};

Result<Opened> open_account(const model::User& user, const Services& services) {
  Result<vfs::MountTable> mounts = build_mounts(user, services);
  if (!mounts) return fail(mounts.error());
  Result<std::shared_ptr<vfs::FileSystem>> staging = open_staging(user, services);
  if (!staging) return fail(staging.error());
  Opened opened{std::move(*mounts), std::move(*staging), {}, {}};
  if (services.ledger) {
    opened.owners = find_owners(opened.mounts, user, *services.ledger);
    opened.transfers = services.ledger->transfers_of(user);
  }
  return opened;
}

// The same without waiting: nothing when it cannot be had so. Most accounts have a home that is cached, no folders
// and nothing to count, and a hop to the pool costs more than opening that.
std::optional<Opened> open_at_once(const model::User& user, const Services& services) {
  if (!user.virtual_folders.empty() || stages_uploads(services.options)) return std::nullopt;
  if (services.ledger && services.ledger->counts(user)) return std::nullopt;
  Result<std::shared_ptr<vfs::FileSystem>> home =
      open_storage(user, user.filesystem, user.home_dir, services, "home directory", true);
  if (!home) return std::nullopt;
  return Opened{vfs::MountTable(std::move(*home)), nullptr, std::vector<quota::Owners>(1), nullptr};
}

bool is_included(const model::VirtualFolder& folder) { return folder.quota_size < 0 || folder.quota_files < 0; }

// Whether what this mount shows counts with another one of the same folder; of two that show the same, with the first.
bool counts_elsewhere(const std::vector<model::VirtualFolder>& folders, std::size_t index) {
  const Result<VirtualPath> inner = VirtualPath::parse(folders[index].subpath);
  for (std::size_t i = 0; inner && i < folders.size(); ++i) {
    if (i == index || folders[i].name != folders[index].name || !is_included(folders[i])) continue;
    const Result<VirtualPath> outer = VirtualPath::parse(folders[i].subpath);
    if (outer && inner->is_within(*outer) && (*inner != *outer || i < index)) return true;
  }
  return false;
}

}  // namespace

Result<std::vector<std::shared_ptr<vfs::FileSystem>>> open_counted(const model::User& user, const Services& services) {
  std::vector<std::shared_ptr<vfs::FileSystem>> storages;
  Result<std::shared_ptr<vfs::FileSystem>> home =
      open_storage(user, user.filesystem, user.home_dir, services, "home directory");
  if (!home) return fail(home.error());
  storages.push_back(std::move(*home));
  for (std::size_t i = 0; i < user.virtual_folders.size(); ++i) {
    const model::VirtualFolder& folder = user.virtual_folders[i];
    if (!is_included(folder) || counts_elsewhere(user.virtual_folders, i)) continue;
    Result<std::shared_ptr<vfs::FileSystem>> storage = open_folder(user, folder, services);
    if (!storage) return fail(storage.error());
    storages.push_back(std::move(*storage));
  }
  return storages;
}

Task<Result<std::unique_ptr<Session>>> open_session(model::UserPtr user, presence::ConnectionInfo info,
                                                    Services services) {
  const std::size_t limit = user->max_sessions > 0 ? static_cast<std::size_t>(user->max_sessions) : 0;
  Result<std::unique_ptr<presence::Registration>> registration = services.registry->enter(user->username, info, limit);
  if (!registration) co_return fail(registration.error());
  const Result<VirtualPath> start = VirtualPath::parse(user->filters.start_directory);
  if (!start) co_return fail(start.error().code, "start_directory: " + start.error().message);
  // A session holds the root of each of its storages open.
  std::shared_ptr<presence::OpenBudget::Share> budget;
  presence::OpenBudget::Taken roots;
  if (services.budget) {
    budget = services.budget->share_of(user->username);
    const std::size_t storages = 1 + user->virtual_folders.size() + (stages_uploads(services.options) ? 1 : 0);
    Result<presence::OpenBudget::Taken> taken = budget->take(storages, presence::OpenBudget::Use::storage);
    if (!taken) co_return fail(taken.error());
    roots = std::move(*taken);
  }
  std::optional<Opened> opened = open_at_once(*user, services);
  if (!opened) {
    auto open = [&] { return open_account(*user, services); };
    Result<Opened> waited = co_await run_blocking(Lane::disk, open);
    if (!waited) co_return fail(waited.error());
    opened = std::move(*waited);
  }
  presence::Paces paces;
  if (services.bandwidth) paces = services.bandwidth->of(*user, info.client_ip);

  const auto who = std::make_shared<const Identity>(Identity{user->username, std::move(info)});
  log::info(who->connection.protocol, who->connection.id, "session opened, user \"{}\", home \"{}\", from {}",
            user->username, user->home_dir, who->connection.remote_address);
  auto events = std::make_shared<FileEvents>(services.events, services.ledger, user, who);
  auto state = std::make_shared<SessionState>(SessionState{.user = user,
                                                           .who = who,
                                                           .options = services.options,
                                                           .permissions = Permissions(user->permissions),
                                                           .patterns = Patterns(user->filters.file_patterns),
                                                           .mounts = std::move(opened->mounts),
                                                           .start_directory = *start,
                                                           .registration = std::move(*registration),
                                                           .open_handles = 0,
                                                           .ledger = services.ledger,
                                                           .owners = std::move(opened->owners),
                                                           .transfers = std::move(opened->transfers),
                                                           .paces = std::move(paces),
                                                           .recount = services.recount,
                                                           .staging = std::move(opened->staging),
                                                           .events = std::move(events),
                                                           .budget = std::move(budget),
                                                           .roots = std::move(roots)});
  co_return std::make_unique<AccountSession>(std::move(state));
}

}  // namespace ferry::session
