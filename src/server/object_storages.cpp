#include "server/object_storages.h"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>

#include "base/bytes.h"
#include "crypto/cipher.h"
#include "crypto/encoding.h"
#include "server/upload_journal.h"
#include "vfs/azure/azure_store.h"
#include "vfs/gcs/gcs_store.h"
#include "vfs/object/counted_store.h"
#include "vfs/object/object_file_system.h"
#include "vfs/s3/credentials.h"
#include "vfs/s3/s3_store.h"

namespace ferry::server {

namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
constexpr std::size_t customer_key_size = 32;
// Uploads to Google send one part after another: larger ones wait less often for an answer.
constexpr std::uint64_t gcs_part_size = 16 * mebibyte;

std::uint64_t bytes_of(std::int64_t mebibytes) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(mebibytes, 0)) * mebibyte;
}

// Names a store by all that makes it what it is, without holding its secrets.
std::string digest_of(std::initializer_list<std::string_view> parts) {
  ByteWriter text;
  for (const std::string_view part : parts) text.string(part);
  return crypto::hex_encode(crypto::hash(crypto::HashAlgorithm::sha256, {text.data()}));
}

// 32 bytes as they are, or in base64.
Result<crypto::Secret> customer_key(crypto::Secret given) {
  if (given.empty() || given.size() == customer_key_size) return given;
  auto decoded = crypto::base64_decode(given.text());
  if (!decoded || decoded->size() != customer_key_size) {
    return fail(ErrorCode::invalid_argument, "S3: sse_customer_key: 32 bytes, or their base64");
  }
  crypto::Secret key{ByteSpan(*decoded)};
  crypto::wipe(*decoded);
  return key;
}

}  // namespace

// Of a service's configuration, which all name these alike.
template <class Config>
vfs::object::ObjectOptions ObjectStorages::options_of(const Config& config,
                                                      const session::StorageRequest& request) const {
  vfs::object::ObjectOptions how;
  how.key_prefix = config.key_prefix;
  how.upload_part_size = bytes_of(config.upload_part_size);
  how.upload_concurrency = static_cast<unsigned>(std::max<std::int64_t>(config.upload_concurrency, 0));
  how.download_part_size = bytes_of(config.download_part_size);
  how.download_concurrency = static_cast<unsigned>(std::max<std::int64_t>(config.download_concurrency, 0));
  how.budget = budget_;
  how.account = request.account;
  if (uploads_ != nullptr) how.journal = upload_journal(*uploads_, request.account, request.folder);
  return how;
}

vfs::object::ObjectOptions ObjectStorages::options_of(const model::GcsConfig& config,
                                                      const session::StorageRequest& request) const {
  vfs::object::ObjectOptions how;
  how.key_prefix = config.key_prefix;
  how.upload_part_size = config.upload_part_size > 0 ? bytes_of(config.upload_part_size) : gcs_part_size;
  how.budget = budget_;
  how.account = request.account;
  if (uploads_ != nullptr) how.journal = upload_journal(*uploads_, request.account, request.folder);
  return how;
}

vfs::object::ObjectOptions ObjectStorages::options_of_store(const session::StorageRequest& request) const {
  const model::FilesystemConfig& config = request.config;
  if (config.provider == model::FilesystemProvider::s3) return options_of(config.s3config, request);
  if (config.provider == model::FilesystemProvider::gcs) return options_of(config.gcsconfig, request);
  return options_of(config.azblobconfig, request);
}

Result<std::shared_ptr<vfs::FileSystem>> ObjectStorages::open(const session::StorageRequest& request,
                                                              const crypto::Secret& master_key) {
  const model::FilesystemConfig& config = request.config;
  auto below = store(config, master_key);
  if (!below) return fail(below.error());
  return vfs::object::make_object_file_system(std::move(*below), options_of_store(request));
}

Result<ObjectStorages::StorePtr> ObjectStorages::store(const model::FilesystemConfig& config,
                                                       const crypto::Secret& master_key) {
  switch (config.provider) {
    case model::FilesystemProvider::s3: return s3_store(config.s3config, master_key);
    case model::FilesystemProvider::azure_blob: return azure_store(config.azblobconfig, master_key);
    case model::FilesystemProvider::gcs: return gcs_store(config.gcsconfig, master_key);
    default: return fail(ErrorCode::unsupported, "no object store");
  }
}

Result<ObjectStorages::StorePtr> ObjectStorages::s3_store(const model::S3Config& config,
                                                          const crypto::Secret& master_key) {
  auto secret = model::open(config.access_secret, master_key);
  if (!secret) return fail(secret.error());
  auto sealed = model::open(config.sse_customer_key, master_key);
  if (!sealed) return fail(sealed.error());
  auto key = customer_key(std::move(*sealed));
  if (!key) return fail(key.error());
  const std::string name =
      digest_of({"s3", config.bucket, config.region, config.endpoint, config.access_key, secret->text(), key->text(),
                 config.role_arn, config.session_token, config.storage_class, config.acl,
                 config.force_path_style ? "path" : "host", config.skip_tls_verify ? "careless" : "careful"});
  const std::scoped_lock lock(mutex_);
  StorePtr store = stores_[name].lock();
  if (!store) {
    std::erase_if(stores_, [](const auto& entry) { return entry.second.expired(); });
    vfs::s3::CredentialOptions keys;
    keys.access_key = config.access_key;
    keys.access_secret = std::move(*secret);
    keys.session_token = config.session_token;
    keys.role_arn = config.role_arn;
    keys.region = config.region;
    const std::shared_ptr<http::Client> own = clients_->of(config.skip_tls_verify);
    // Whatever an account says of its own endpoint: this server's identity is only shown to hosts that prove theirs.
    if (!s3_identities_) {
      s3_identities_ = std::make_shared<vfs::s3::CredentialSources>(vfs::s3::aws_environment(), clients_->of(false));
    }
    auto source = s3_identities_->of(std::move(keys));
    vfs::s3::StoreOptions options;
    options.endpoint = {config.bucket, config.region, config.endpoint, config.force_path_style};
    options.storage_class = config.storage_class;
    options.acl = config.acl;
    options.sse_customer_key = std::move(*key);
    auto made = vfs::s3::S3Store::make(std::move(options), own, std::move(source));
    if (!made) return fail(made.error());
    store = vfs::object::make_counted(std::move(*made));
    stores_[name] = store;
  }
  return store;
}

Result<ObjectStorages::StorePtr> ObjectStorages::azure_store(const model::AzureBlobConfig& config,
                                                             const crypto::Secret& master_key) {
  auto key = model::open(config.account_key, master_key);
  if (!key) return fail(key.error());
  auto sas_url = model::open(config.sas_url, master_key);
  if (!sas_url) return fail(sas_url.error());
  const std::string name =
      digest_of({"azure", config.container, config.account_name, config.endpoint, key->text(), sas_url->text(),
                 config.access_tier, config.use_emulator ? "emulator" : "service"});
  const std::scoped_lock lock(mutex_);
  StorePtr store = stores_[name].lock();
  if (!store) {
    std::erase_if(stores_, [](const auto& entry) { return entry.second.expired(); });
    const std::shared_ptr<http::Client> own = clients_->of(false);
    if (!azure_identity_) {
      azure_identity_ = std::make_shared<vfs::azure::Identity>(vfs::azure::IdentitySettings::from_environment(), own);
    }
    vfs::azure::StoreOptions options;
    options.container = config.container;
    options.account_name = config.account_name;
    options.account_key = std::move(*key);
    options.sas_url = std::move(*sas_url);
    options.endpoint = config.endpoint;
    options.access_tier = config.access_tier;
    options.use_emulator = config.use_emulator;
    auto made = vfs::azure::AzureStore::make(std::move(options), own, azure_identity_);
    if (!made) return fail(made.error());
    store = vfs::object::make_counted(std::move(*made));
    stores_[name] = store;
  }
  return store;
}

// Needs the mutex.
Result<std::shared_ptr<vfs::object::CachedToken>> ObjectStorages::gcs_tokens(bool automatic,
                                                                             const crypto::Secret& credentials) {
  if (automatic) {
    if (!gcs_identity_) {
      gcs_identity_ = vfs::gcs::automatic_tokens(vfs::gcs::AutomaticSettings::from_environment(), clients_->of(false));
    }
    return gcs_identity_;
  }
  auto identity = vfs::gcs::parse_identity(credentials.text(), vfs::gcs::Trust::account);
  if (!identity) return fail(identity.error());
  return vfs::gcs::tokens_of(std::move(*identity), clients_->of(false));
}

Result<ObjectStorages::StorePtr> ObjectStorages::gcs_store(const model::GcsConfig& config,
                                                           const crypto::Secret& master_key) {
  auto credentials = model::open(config.credentials, master_key);
  if (!credentials) return fail(credentials.error());
  const bool automatic = config.automatic_credentials == 1;
  const std::string name = digest_of({"gcs", config.bucket, automatic ? "" : credentials->text(), config.storage_class,
                                      config.acl, automatic ? "automatic" : "file"});
  const std::scoped_lock lock(mutex_);
  StorePtr store = stores_[name].lock();
  if (!store) {
    std::erase_if(stores_, [](const auto& entry) { return entry.second.expired(); });
    vfs::gcs::StoreOptions options;
    options.bucket = config.bucket;
    options.storage_class = config.storage_class;
    options.acl = config.acl;
    if (const char* emulator = std::getenv("STORAGE_EMULATOR_HOST"); emulator != nullptr) options.emulator = emulator;
    std::shared_ptr<vfs::object::CachedToken> tokens;
    if (options.emulator.empty()) {
      auto found = gcs_tokens(automatic, *credentials);
      if (!found) return fail(found.error());
      tokens = std::move(*found);
    }
    auto made = vfs::gcs::GcsStore::make(std::move(options), clients_->of(false), std::move(tokens));
    if (!made) return fail(made.error());
    store = vfs::object::make_counted(std::move(*made));
    stores_[name] = store;
  }
  return store;
}

}  // namespace ferry::server
