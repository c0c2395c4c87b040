// The storage on a remote SFTP server.
//
//   auto pools = std::make_shared<sftp::Pools>();                      // one in the process
//   auto storage = SftpFileSystem::open(pools->of(login), {.prefix = "/data"});
//
// Opening does not connect; the first call does.
#pragma once

#include "vfs/file_system.h"
#include "vfs/sftp/file.h"
#include "vfs/sftp/paths.h"

namespace ferry::vfs {

struct SftpOptions {
  std::string prefix = "/";  // the directory that is the root; made when it is missing
  std::uint32_t umask = 022;
  sftp::TransferOptions transfer = {};
  // Two storages with the same endpoint are the same server for a rename between them: only with the same user name
  // too, or (both must say so) whatever the user names are.
  bool same_server_by_endpoint = false;
};

class SftpFileSystem : public FileSystem {
 public:
  // invalid_argument: the prefix is no path.
  static Result<std::shared_ptr<SftpFileSystem>> open(std::shared_ptr<sftp::Pool> pool, SftpOptions options);

  const Capabilities& capabilities() const override;
  std::string_view name() const override { return "sftpfs"; }
  std::string location(const VirtualPath& path) const override { return root_.text(path); }
  std::string place(const VirtualPath& path) const override;
  Task<Result<VirtualPath>> canonical(VirtualPath path, bool follow) override;
  std::shared_ptr<FileSystem> without_links() override;
  Task<Result<FileInfo>> stat(VirtualPath path) override;
  Task<Result<FileInfo>> lstat(VirtualPath path) override;
  Task<Result<std::unique_ptr<File>>> open(VirtualPath path, OpenOptions options) override;
  Task<Result<std::unique_ptr<Directory>>> open_directory(VirtualPath path) override;
  Task<Result<void>> make_directory(VirtualPath path, std::uint32_t mode) override;
  Task<Result<void>> remove_file(VirtualPath path) override;
  Task<Result<void>> remove_directory(VirtualPath path) override;
  Task<Result<void>> rename(VirtualPath from, VirtualPath to, bool overwrite) override;
  Task<Result<void>> copy_file(VirtualPath from, VirtualPath to, bool overwrite) override;
  Task<Result<void>> take_over(FileSystem& storage, VirtualPath from, VirtualPath to, bool overwrite) override;
  Task<Result<void>> make_symlink(std::string target, VirtualPath link) override;
  Task<Result<std::string>> read_symlink(VirtualPath path) override;
  Task<Result<void>> make_hard_link(VirtualPath existing, VirtualPath link) override;
  Task<Result<void>> set_attributes(VirtualPath path, AttributeChange change, bool follow) override;
  Task<Result<SpaceInfo>> space(VirtualPath path) override;

  SftpFileSystem(sftp::RemoteRoot root, SftpOptions options, bool links)
      : root_(std::move(root)), options_(std::move(options)), links_(links) {}

 private:
  // What is at `path`; not_found and not_a_directory when nothing is.
  Task<Result<sftp::Place>> existing(VirtualPath path, bool follow);
  // Where something new may be made; its directory is there.
  Task<Result<sftp::Place>> free_or_taken(VirtualPath path, bool follow);
  Task<Result<void>> simple(sftp::Request request, bool repeatable, std::string what);
  Task<Result<void>> move(std::string from, FileInfo what, sftp::Place to, bool overwrite);
  // Remote paths of a rename over a file that takes several steps; `aside`: where that file lies meanwhile.
  struct Replacement {
    std::string from, to, aside;
  };
  Task<Result<bool>> is_there(std::string remote);
  Task<Result<void>> replace_in_steps(std::string from, std::string to);
  Task<Result<void>> finish_replacement(Replacement names, Error failed);
  Task<Result<void>> copy_content(std::string from, std::string to, std::uint32_t mode);

  const sftp::RemoteRoot root_;
  const SftpOptions options_;
  const bool links_;  // false: fails where one would be followed
};

}  // namespace ferry::vfs
