// Storage of accounts on object stores. One object for the process: sessions of one bucket share its connections, its
// credentials, and what was learned about the service (which of AWS's newer headers it takes).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/byte_budget.h"
#include "crypto/secret.h"
#include "model/filesystem.h"
#include "server/http_clients.h"
#include "session/factory.h"
#include "store/open_uploads.h"
#include "vfs/file_system.h"

namespace ferry::vfs::object {
class CachedToken;
class ObjectStore;
struct ObjectOptions;
}  // namespace ferry::vfs::object
namespace ferry::vfs::azure {
class Identity;
}
namespace ferry::vfs::s3 {
class CredentialSources;
}

namespace ferry::server {

class ObjectStorages {
 public:
  // `budget`: for the buffers of all transfers; `uploads`: where those that are not complete are written down, or null.
  ObjectStorages(std::shared_ptr<ByteBudget> budget, std::shared_ptr<HttpClients> clients, store::OpenUploads* uploads)
      : budget_(std::move(budget)), clients_(std::move(clients)), uploads_(uploads) {}

  // Asks nobody anything yet, so it may be called on an event loop. invalid_argument: a configuration that cannot be
  // meant; authentication_failed, unsupported: a secret that does not open.
  Result<std::shared_ptr<vfs::FileSystem>> open(const session::StorageRequest& request,
                                                const crypto::Secret& master_key);
  // What lies below that: one request for each call, without retries. unsupported: the provider is no object store.
  Result<std::shared_ptr<vfs::object::ObjectStore>> store(const model::FilesystemConfig& config,
                                                          const crypto::Secret& master_key);

 private:
  template <class Config>
  vfs::object::ObjectOptions options_of(const Config& config, const session::StorageRequest& request) const;
  vfs::object::ObjectOptions options_of(const model::GcsConfig& config, const session::StorageRequest& request) const;
  vfs::object::ObjectOptions options_of_store(const session::StorageRequest& request) const;
  using StorePtr = std::shared_ptr<vfs::object::ObjectStore>;
  Result<StorePtr> s3_store(const model::S3Config& config, const crypto::Secret& master_key);
  // Without a key and a SAS URL the store is reached by this server's own identity.
  Result<StorePtr> azure_store(const model::AzureBlobConfig& config, const crypto::Secret& master_key);
  // With automatic_credentials the store is reached by this server's own identity.
  Result<StorePtr> gcs_store(const model::GcsConfig& config, const crypto::Secret& master_key);
  Result<std::shared_ptr<vfs::object::CachedToken>> gcs_tokens(bool automatic, const crypto::Secret& credentials);

  const std::shared_ptr<ByteBudget> budget_;
  const std::shared_ptr<HttpClients> clients_;
  store::OpenUploads* const uploads_;
  std::mutex mutex_;
  std::shared_ptr<vfs::azure::Identity> azure_identity_;
  std::shared_ptr<vfs::s3::CredentialSources> s3_identities_;
  std::shared_ptr<vfs::object::CachedToken> gcs_identity_;
  std::map<std::string, std::weak_ptr<vfs::object::ObjectStore>> stores_;  // by a digest of their configuration
};

}  // namespace ferry::server
