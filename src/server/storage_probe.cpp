#include "server/storage_probe.h"

#include <sys/stat.h>
#include <sys/uio.h>

#include "crypto/crc32c.h"
#include "vfs/object/object_store.h"

namespace ferry::server {

namespace {

class TreeProbe final : public StorageProbe {
 public:
  // No storage: its directory is not there yet.
  TreeProbe(std::shared_ptr<vfs::FileSystem> storage, VirtualPath root)
      : storage_(std::move(storage)), root_(std::move(root)) {}

  Task<Result<bool>> look() override {
    if (!storage_) co_return false;
    auto directory = co_await storage_->open_directory(root_);
    if (!directory && directory.error().code == ErrorCode::not_found) co_return false;
    if (!directory) co_return fail(directory.error());
    const auto entries = co_await (*directory)->next(1);
    if (!entries) co_return fail(entries.error());
    co_return true;
  }

  Task<Result<void>> write(std::string name, ByteSpan content) override {
    const vfs::OpenOptions how{.write = true, .create = true, .exclusive = true, .truncate = true, .mode = 0600};
    auto file = co_await storage_->open(below(name), how);
    if (!file) co_return fail(file.error());
    const iovec piece{const_cast<std::byte*>(content.data()), content.size()};
    const std::span<const iovec> pieces(&piece, 1);
    const Result<void> written = co_await (*file)->write_at(0, pieces);
    if (!written) {
      const Result<void> ended = co_await (*file)->discard();
      co_return written;
    }
    const Result<void> closed = co_await (*file)->close();
    co_return closed;
  }

  Task<Result<std::size_t>> read(std::string name, MutableByteSpan into) override {
    const vfs::OpenOptions how{.read = true};
    auto file = co_await storage_->open(below(name), how);
    if (!file) co_return fail(file.error());
    const Result<std::size_t> got = co_await (*file)->read_at(0, into);
    const Result<void> closed = co_await (*file)->close();
    co_return got;
  }

  Task<Result<void>> remove(std::string name) override {
    Result<void> removed = co_await storage_->remove_file(below(name));
    co_return removed;
  }

 private:
  VirtualPath below(const std::string& name) const { return VirtualPath::parse(name, root_).value(); }

  const std::shared_ptr<vfs::FileSystem> storage_;
  const VirtualPath root_;
};

class StoreProbe final : public StorageProbe {
 public:
  StoreProbe(std::shared_ptr<vfs::object::ObjectStore> store, std::string prefix)
      : store_(std::move(store)), prefix_(std::move(prefix)) {}

  Task<Result<bool>> look() override {
    vfs::object::ListRequest request;
    request.prefix = prefix_;
    request.max = 1;
    const auto page = co_await store_->list(std::move(request));
    if (!page) co_return fail(page.error());
    co_return true;
  }

  Task<Result<void>> write(std::string name, ByteSpan content) override {
    vfs::object::Payload payload;
    payload.pieces = {content};
    payload.size = content.size();
    payload.crc32c = crypto::crc32c(content);
    vfs::object::ObjectProperties properties;
    vfs::object::Condition condition;
    const auto stored =
        co_await store_->put(prefix_ + name, std::move(payload), std::move(properties), std::move(condition));
    if (!stored) co_return fail(stored.error());
    co_return Result<void>();
  }

  Task<Result<std::size_t>> read(std::string name, MutableByteSpan into) override {
    std::string any_version;
    Result<std::size_t> got = co_await store_->get(prefix_ + name, 0, into, std::move(any_version));
    co_return got;
  }

  Task<Result<void>> remove(std::string name) override {
    Result<void> removed = co_await store_->remove(prefix_ + name);
    co_return removed;
  }

 private:
  const std::shared_ptr<vfs::object::ObjectStore> store_;
  const std::string prefix_;
};

using ProbePtr = std::unique_ptr<StorageProbe>;

Result<ProbePtr> tree_at(const session::StorageRequest& request, const Storages& storages, VirtualPath root) {
  auto storage = storages.open(request);
  if (!storage) return fail(storage.error());
  return std::make_unique<TreeProbe>(std::move(*storage), std::move(root));
}

// Sessions make the directory of local storage; a check does not.
Result<ProbePtr> local_probe(const rest::StorageCheck& check, const Storages& storages) {
  if (auto allowed = storages.check_directory(check.directory); !allowed) return fail(allowed.error());
  struct stat found {};
  if (::stat(check.directory.c_str(), &found) != 0) {
    if (errno != ENOENT) return fail_errno(errno, "directory");
    return std::make_unique<TreeProbe>(nullptr, VirtualPath());
  }
  if (!S_ISDIR(found.st_mode)) return fail(ErrorCode::not_a_directory, "directory");
  return tree_at({.config = check.filesystem, .path = check.directory}, storages, VirtualPath());
}

// Sessions make the directory `prefix`, too: here it is one below the root of a storage that ends nowhere.
Result<ProbePtr> sftp_probe(const rest::StorageCheck& check, const Storages& storages) {
  model::FilesystemConfig whole = check.filesystem;
  const auto prefix = VirtualPath::parse(whole.sftpconfig.prefix.empty() ? "/" : whole.sftpconfig.prefix);
  if (!prefix) return fail(prefix.error());
  whole.sftpconfig.prefix = "/";
  return tree_at({.config = whole, .path = {}}, storages, *prefix);
}

Result<ProbePtr> store_probe(const model::FilesystemConfig& config, const std::string& prefix,
                             const Storages& storages) {
  auto store = storages.object_store(config);
  if (!store) return fail(store.error());
  return std::make_unique<StoreProbe>(std::move(*store), prefix);
}

}  // namespace

Result<ProbePtr> open_probe(const rest::StorageCheck& check, const Storages& storages) {
  const model::FilesystemConfig& config = check.filesystem;
  switch (config.provider) {
    case model::FilesystemProvider::local:
    case model::FilesystemProvider::encrypted: return local_probe(check, storages);
    case model::FilesystemProvider::s3: return store_probe(config, config.s3config.key_prefix, storages);
    case model::FilesystemProvider::gcs: return store_probe(config, config.gcsconfig.key_prefix, storages);
    case model::FilesystemProvider::azure_blob: return store_probe(config, config.azblobconfig.key_prefix, storages);
    case model::FilesystemProvider::sftp: return sftp_probe(check, storages);
    case model::FilesystemProvider::http: return tree_at({.config = config, .path = {}}, storages, VirtualPath());
  }
  return fail(ErrorCode::unsupported, "storage provider");
}

}  // namespace ferry::server
