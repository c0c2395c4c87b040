#include "server/storages.h"

#include "model/config_secret.h"
#include "server/http_clients.h"
#include "server/object_storages.h"
#include "vfs/confirmed.h"
#include "vfs/encrypted/encrypted_file_system.h"
#include "vfs/httpfs/http_file_system.h"
#include "vfs/local/local_file_system.h"
#include "vfs/sftp/sftp_file_system.h"

namespace ferry::server {

namespace {

Result<void> check_root(const vfs::LocalFileSystem& storage, const ProtectedPaths& paths) {
  const auto place = storage.place();
  if (!place) return fail(place.error());
  return paths.check_open(place->real, place->device, place->inode);
}

// `paths`: none protects nothing.
Result<std::shared_ptr<vfs::FileSystem>> open_local(const session::StorageRequest& request,
                                                    const ProtectedPaths* paths) {
  const auto refused = [](const Error& error) { return fail(ErrorCode::permission_denied, error.message); };
  // Before the directory is made.
  if (paths != nullptr) {
    if (auto free = paths->check_text(request.path); !free) return refused(free.error());
  }
  auto storage = vfs::LocalFileSystem::open({.root = request.path,
                                             .umask = request.umask,
                                             .create_root = true,
                                             .owner = request.owner,
                                             .cached_only = request.at_once});
  if (!storage) return fail(storage.error());
  if (paths != nullptr) {
    if (auto free = check_root(**storage, *paths); !free) return refused(free.error());
  }
  return std::shared_ptr<vfs::FileSystem>(std::move(*storage));
}

// The passphrase of a file that is there already cannot be found out again: without one, nothing is opened.
Result<std::shared_ptr<vfs::FileSystem>> open_encrypted(const session::StorageRequest& request,
                                                        const ProtectedPaths* paths, const crypto::Secret& master_key) {
  Result<crypto::Secret> passphrase = model::open(request.config.cryptconfig.passphrase, master_key);
  if (!passphrase) return fail(passphrase.error());
  if (passphrase->empty()) return fail(ErrorCode::invalid_argument, "encrypted storage without a passphrase");
  Result<std::shared_ptr<vfs::FileSystem>> local = open_local(request, paths);
  if (!local) return local;
  return std::make_shared<vfs::EncryptedFileSystem>(std::move(*local), std::move(*passphrase));
}

Error not_built_in(model::FilesystemProvider provider) {
  return {ErrorCode::unsupported,
          "storage provider " + std::to_string(static_cast<int>(provider)) + " is not built in"};
}

}  // namespace

bool is_built(model::FilesystemProvider provider) {
  switch (provider) {
    case model::FilesystemProvider::local:
    case model::FilesystemProvider::encrypted:
    case model::FilesystemProvider::s3:
    case model::FilesystemProvider::azure_blob:
    case model::FilesystemProvider::gcs:
    case model::FilesystemProvider::sftp:
    case model::FilesystemProvider::http: return true;
  }
  return false;
}

Result<std::shared_ptr<vfs::FileSystem>> Storages::open_sftp(const session::StorageRequest& request) const {
  const model::SftpConfig& config = request.config.sftpconfig;
  auto endpoint = vfs::sftp::parse_endpoint(config.endpoint);
  if (!endpoint) return fail(endpoint.error());
  vfs::sftp::Login login;
  login.endpoint = std::move(*endpoint);
  login.username = config.username;
  login.fingerprints = config.fingerprints;
  for (auto& [secret, into] : {std::pair{&config.password, &login.password},
                               {&config.private_key, &login.private_key},
                               {&config.key_passphrase, &login.key_passphrase}}) {
    auto opened = model::open(*secret, options_.master_key);
    if (!opened) return fail(opened.error());
    *into = std::move(*opened);
  }
  if (options_.own_host_keys) {
    login.is_own = [own = options_.own_host_keys](const std::string& key) { return own->contains(key); };
  }
  vfs::SftpOptions options;
  if (!config.prefix.empty()) options.prefix = config.prefix;
  options.umask = request.umask;
  options.transfer.concurrent_reads = !config.disable_concurrent_reads;
  options.transfer.budget = budget_;
  options.transfer.account = request.account;
  if (config.buffer_size > 0) options.transfer.most_ahead = static_cast<std::uint64_t>(config.buffer_size) << 20;
  options.same_server_by_endpoint = config.equality_check_mode == 1;
  auto storage = vfs::SftpFileSystem::open(sftp_pools_->of(std::move(login)), std::move(options));
  if (!storage) return fail(storage.error());
  return std::shared_ptr<vfs::FileSystem>(std::move(*storage));
}

Result<std::shared_ptr<vfs::FileSystem>> Storages::open_http(const session::StorageRequest& request) const {
  const model::HttpConfig& config = request.config.httpconfig;
  auto endpoint = vfs::httpfs::parse_endpoint(config.endpoint);
  if (!endpoint) return fail(endpoint.error());
  vfs::httpfs::Login login;
  login.endpoint = std::move(*endpoint);
  login.username = config.username;
  for (auto& [secret, into] : {std::pair{&config.password, &login.password}, {&config.api_key, &login.api_key}}) {
    auto opened = model::open(*secret, options_.master_key);
    if (!opened) return fail(opened.error());
    *into = std::move(*opened);
  }
  vfs::HttpStorageOptions options;
  options.budget = budget_;
  options.account = request.account;
  options.same_server_by_endpoint = config.equality_check_mode == 1;
  auto service = std::make_shared<vfs::httpfs::Service>(std::move(login), http_clients_->of(config.skip_tls_verify));
  return std::make_shared<vfs::HttpFileSystem>(std::move(service), std::move(options));
}

Storages::Storages(StorageOptions options)
    : options_(std::move(options)),
      budget_(options_.budget ? options_.budget : std::make_shared<ByteBudget>(ByteBudget::default_limit())),
      sftp_pools_(std::make_unique<vfs::sftp::Pools>()),
      http_clients_(std::make_shared<HttpClients>()),
      object_stores_(std::make_unique<ObjectStorages>(budget_, http_clients_, options_.uploads)) {}

Storages::~Storages() = default;

void Storages::stop(std::chrono::milliseconds grace) const { http_clients_->stop(grace); }

std::string storage_obstacle(const model::User& user) {
  if (!is_built(user.filesystem.provider)) return not_built_in(user.filesystem.provider).message;
  for (const model::VirtualFolder& folder : user.virtual_folders) {
    if (is_built(folder.filesystem.provider)) continue;
    return "folder \"" + folder.name + "\": " + not_built_in(folder.filesystem.provider).message;
  }
  return {};
}

namespace {

// Whose answers may be lost on their way: see vfs/confirmed.h. (vfs/object knows what it has written by a mark.)
Result<std::shared_ptr<vfs::FileSystem>> confirmed(Result<std::shared_ptr<vfs::FileSystem>> remote) {
  if (!remote) return remote;
  return std::make_shared<vfs::ConfirmedFileSystem>(std::move(*remote));
}

}  // namespace

Result<std::shared_ptr<vfs::FileSystem>> Storages::open(const session::StorageRequest& request) const {
  const bool exempt = !options_.staging.empty() && request.path == options_.staging;
  const ProtectedPaths* paths = exempt ? nullptr : options_.paths.get();
  switch (request.config.provider) {
    case model::FilesystemProvider::local: return open_local(request, paths);
    case model::FilesystemProvider::encrypted: return open_encrypted(request, paths, options_.master_key);
    case model::FilesystemProvider::s3:
    case model::FilesystemProvider::azure_blob:
    case model::FilesystemProvider::gcs: return object_stores_->open(request, options_.master_key);
    case model::FilesystemProvider::sftp: return confirmed(open_sftp(request));
    case model::FilesystemProvider::http: return confirmed(open_http(request));
  }
  return fail(not_built_in(request.config.provider));
}

Result<void> Storages::check_directory(const std::string& path) const {
  if (options_.paths == nullptr) return {};
  const auto free = options_.paths->check(path);
  return free ? Result<void>() : fail(ErrorCode::permission_denied, free.error().message);
}

Result<std::shared_ptr<vfs::object::ObjectStore>> Storages::object_store(const model::FilesystemConfig& config) const {
  return object_stores_->store(config, options_.master_key);
}

session::StorageFactory factory_of(std::shared_ptr<const Storages> storages) {
  return [storages = std::move(storages)](const session::StorageRequest& request) { return storages->open(request); };
}

}  // namespace ferry::server
