#include "server/storage.h"

#include "vfs/local/local_file_system.h"

namespace ferry::server {

namespace {

Result<std::shared_ptr<vfs::FileSystem>> open_local(const session::StorageRequest& request) {
  auto storage = vfs::LocalFileSystem::open({.root = request.path,
                                             .umask = request.umask,
                                             .create_root = true,
                                             .owner = request.owner,
                                             .cached_only = request.at_once});
  if (!storage) return fail(storage.error());
  return std::shared_ptr<vfs::FileSystem>(std::move(*storage));
}

Error not_built_in(model::FilesystemProvider provider) {
  return {ErrorCode::unsupported,
          "storage provider " + std::to_string(static_cast<int>(provider)) + " is not built in"};
}

}  // namespace

Result<std::shared_ptr<vfs::FileSystem>> open_storage(const session::StorageRequest& request) {
  switch (request.config.provider) {
    case model::FilesystemProvider::local: return open_local(request);
    case model::FilesystemProvider::s3:
    case model::FilesystemProvider::gcs:
    case model::FilesystemProvider::azure_blob:
    case model::FilesystemProvider::encrypted:
    case model::FilesystemProvider::sftp:
    case model::FilesystemProvider::http: break;
  }
  return fail(not_built_in(request.config.provider));
}

}  // namespace ferry::server
