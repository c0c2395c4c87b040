// Opens the storage that an account's configuration names: the one table of backends. One object for the process,
// because backends share what is in it: the key that opens stored secrets, later connections to object stores.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "base/byte_budget.h"
#include "base/protected_paths.h"
#include "crypto/secret.h"
#include "server/own_host_keys.h"
#include "session/factory.h"
#include "store/open_uploads.h"

namespace ferry::vfs::sftp {
class Pools;
}
namespace ferry::vfs::object {
class ObjectStore;
}

namespace ferry::server {

class HttpClients;
class ObjectStorages;

struct StorageOptions {
  // Opens the secrets in a storage's configuration (passwords, access keys); empty: they are stored unencrypted.
  crypto::Secret master_key = {};
  // Directories of the server's own, which no account may reach; null: none are protected.
  std::shared_ptr<const ProtectedPaths> paths = {};
  std::string staging = {};  // common.temp_path: the operator's choice, which may lie in a protected directory
  // Remote SFTP storage that turns out to be this server is refused; null: it is not (common.allow_self_connections).
  std::shared_ptr<const OwnHostKeys> own_host_keys = {};
  // Of the process, for the buffers of transfers to and from other machines; null: one of the default size.
  std::shared_ptr<ByteBudget> budget = {};
  // Where uploads in parts are written down until they are complete (upload_journal.h); null: nowhere.
  store::OpenUploads* uploads = nullptr;
};

class Storages {
 public:
  explicit Storages(StorageOptions options = {});
  ~Storages();

  // As session::StorageFactory says. unsupported, with the provider's number, for a backend that is not built in.
  // permission_denied for a protected directory, also where links lead to one: the directory that was opened is
  // checked, not its name. Safe from any thread.
  Result<std::shared_ptr<vfs::FileSystem>> open(const session::StorageRequest& request) const;
  // permission_denied: a directory of this machine that open() would refuse by its name and links. Blocks.
  Result<void> check_directory(const std::string& path) const;
  // Of a provider that is one: what open() sees as a tree.
  Result<std::shared_ptr<vfs::object::ObjectStore>> object_store(const model::FilesystemConfig& config) const;

  // At the end of the process, while event loops and pools still run. Requests to other machines get up to `grace` to
  // end by themselves; what runs then ends with aborted. Blocks for the grace at most.
  void stop(std::chrono::milliseconds grace) const;

 private:
  Result<std::shared_ptr<vfs::FileSystem>> open_sftp(const session::StorageRequest& request) const;
  Result<std::shared_ptr<vfs::FileSystem>> open_http(const session::StorageRequest& request) const;

  const StorageOptions options_;
  const std::shared_ptr<ByteBudget> budget_;
  const std::unique_ptr<vfs::sftp::Pools> sftp_pools_;
  const std::shared_ptr<HttpClients> http_clients_;
  const std::unique_ptr<ObjectStorages> object_stores_;
};

// Whether there is a backend for the provider.
bool is_built(model::FilesystemProvider provider);
// Why nobody can work in this account: its home or one of its folders is on storage that is not built. "": they can.
std::string storage_obstacle(const model::User& user);

// Storages::open as a function that keeps the storages alive.
session::StorageFactory factory_of(std::shared_ptr<const Storages> storages);

}  // namespace ferry::server
