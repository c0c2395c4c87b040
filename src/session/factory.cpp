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
                                                      const std::string& what) {
  Result<std::shared_ptr<vfs::FileSystem>> storage = services.storage(
      {.config = config, .path = std::move(path), .umask = services.options.umask, .owner = owner_of(user)});
  if (!storage) return fail(storage.error().code, what + ": " + storage.error().message);
  return storage;
}

Result<void> mount_folder(vfs::MountTable& mounts, const model::User& user, const model::VirtualFolder& folder,
                          const Services& services) {
  const std::string what = "folder \"" + folder.name + '"';
  const Result<VirtualPath> point = VirtualPath::parse(folder.virtual_path);
  if (!point || !folder.virtual_path.starts_with('/')) return fail(ErrorCode::invalid_argument, what + ": bad path");
  std::string path = folder.subpath.empty() ? folder.mapped_path : folder.mapped_path + '/' + folder.subpath;
  Result<std::shared_ptr<vfs::FileSystem>> storage =
      open_storage(user, folder.filesystem, std::move(path), services, what);
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

// Who pays for each mount, by the mount's id.
std::vector<Payers> find_payers(const vfs::MountTable& mounts, const model::User& user, Ledger& ledger) {
  std::vector<Payers> payers(mounts.mounts().size());
  payers[0] = ledger.payers_of_home(user);
  for (const model::VirtualFolder& folder : user.virtual_folders) {
    const Result<VirtualPath> point = VirtualPath::parse(folder.virtual_path);
    if (point) payers[mounts.resolve(*point).mount->id] = ledger.payers_of_folder(user, folder);
  }
  return payers;
}

}  // namespace

Task<Result<std::unique_ptr<Session>>> open_session(model::UserPtr user, ConnectionInfo info, Services services) {
  const std::size_t limit = user->max_sessions > 0 ? static_cast<std::size_t>(user->max_sessions) : 0;
  Result<std::unique_ptr<Registration>> registration = services.registry->enter(user->username, info, limit);
  if (!registration) co_return fail(registration.error());
  const Result<VirtualPath> start = VirtualPath::parse(user->filters.start_directory);
  if (!start) co_return fail(start.error().code, "start_directory: " + start.error().message);
  auto build = [&] { return build_mounts(*user, services); };
  Result<vfs::MountTable> mounts = co_await run_blocking(build);
  if (!mounts) co_return fail(mounts.error());
  std::vector<Payers> payers;
  if (services.ledger) {
    auto find = [&] { return find_payers(*mounts, *user, *services.ledger); };
    payers = co_await run_blocking(find);
  }

  const auto who = std::make_shared<const Identity>(Identity{user->username, std::move(info)});
  log::info(who->connection.protocol, who->connection.id, "session opened, user \"{}\", home \"{}\", from {}",
            user->username, user->home_dir, who->connection.remote_address);
  auto account = std::make_shared<Account>(Account{.user = user,
                                                   .who = who,
                                                   .options = services.options,
                                                   .permissions = Permissions(user->permissions),
                                                   .patterns = Patterns(user->filters.file_patterns),
                                                   .mounts = std::move(*mounts),
                                                   .start_directory = *start,
                                                   .registration = std::move(*registration),
                                                   .open_handles = 0,
                                                   .ledger = services.ledger,
                                                   .payers = std::move(payers)});
  co_return std::make_unique<AccountSession>(std::move(account));
}

}  // namespace ferry::session
