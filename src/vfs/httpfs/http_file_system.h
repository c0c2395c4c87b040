// The storage on a server that implements SFTPGo's HTTP storage interface (docs/http-storage.md).
//
//   auto service = std::make_shared<httpfs::Service>(std::move(login), client);
//   auto storage = std::make_shared<HttpFileSystem>(std::move(service), options);
//
// The interface has no conditions: between a look at a name and the operation on it another client may change it.
#pragma once

#include "vfs/file_system.h"
#include "vfs/httpfs/file.h"

namespace ferry::vfs {

struct HttpStorageOptions {
  std::shared_ptr<ByteBudget> budget = {};  // for transfers; null: no limit beside that of each
  std::string account = {};                 // whose transfers they are: the owner of their memory
  // Two storages with the same endpoint are the same server for a rename between them: only with the same user name
  // too, or (both must say so) whatever the user names are.
  bool same_server_by_endpoint = false;
};

class HttpFileSystem : public FileSystem {
 public:
  HttpFileSystem(std::shared_ptr<httpfs::Service> service, HttpStorageOptions options)
      : service_(std::move(service)), options_(std::move(options)) {}

  const Capabilities& capabilities() const override;
  std::string_view name() const override { return "httpfs"; }
  std::string place(const VirtualPath& path) const override;
  Task<Result<FileInfo>> stat(VirtualPath path) override;
  Task<Result<FileInfo>> lstat(VirtualPath path) override;
  Task<Result<std::unique_ptr<File>>> open(VirtualPath path, OpenOptions options) override;
  Task<Result<std::unique_ptr<Directory>>> open_directory(VirtualPath path) override;
  Task<Result<void>> make_directory(VirtualPath path, std::uint32_t mode) override;
  Task<Result<void>> remove_file(VirtualPath path) override;
  Task<Result<void>> remove_directory(VirtualPath path) override;
  Task<Result<void>> rename(VirtualPath from, VirtualPath to, bool overwrite) override;
  Task<Result<void>> take_over(FileSystem& storage, VirtualPath from, VirtualPath to, bool overwrite) override;
  Task<Result<void>> make_symlink(std::string target, VirtualPath link) override;
  Task<Result<std::string>> read_symlink(VirtualPath path) override;
  Task<Result<void>> make_hard_link(VirtualPath existing, VirtualPath link) override;
  Task<Result<void>> set_attributes(VirtualPath path, AttributeChange change, bool follow) override;
  Task<Result<SpaceInfo>> space(VirtualPath path) override;

 private:
  // What is at a name. No value: nothing, but it may be made there. not_found, not_a_directory: neither.
  Task<Result<std::optional<FileInfo>>> look(VirtualPath path);
  Task<Result<void>> send(std::string method, std::string operation, VirtualPath path, httpfs::Query query);

  const std::shared_ptr<httpfs::Service> service_;
  const HttpStorageOptions options_;
};

}  // namespace ferry::vfs
