// EncryptedFileSystem: another storage (a LocalFileSystem) whose files are stored encrypted, in SFTPGo's format
// (crypto/dare.h). Names, directories, links, modes and times are as they are in the storage beneath.
//
//   auto storage = std::make_shared<vfs::EncryptedFileSystem>(local, passphrase);
//
// Sizes are those of the content, by arithmetic alone. A file that was not stored encrypted shows the size that it
// has, unless an encrypted file could have it; it cannot be opened.
//
// A file is written from its beginning to its end, once. What lies in the storage beneath is complete only after
// close(): an upload that ends otherwise has no last package, so that whoever reads it, SFTPGo too, gets an error at
// its end and not content that seems whole.
#pragma once

#include <memory>
#include <string>

#include "crypto/secret.h"
#include "vfs/file_system.h"

namespace ferry::vfs {

class EncryptedFileSystem final : public FileSystem {
 public:
  // `passphrase` must not be empty.
  EncryptedFileSystem(std::shared_ptr<FileSystem> inner, crypto::Secret passphrase);

  const Capabilities& capabilities() const override { return capabilities_; }
  std::string_view name() const override { return "cryptfs"; }
  std::string location(const VirtualPath& path) const override { return inner_->location(path); }
  Task<Result<VirtualPath>> canonical(VirtualPath path, bool follow) override;
  std::shared_ptr<FileSystem> without_links() override;
  Task<Result<std::shared_ptr<FileSystem>>> hold_directory(VirtualPath path) override;
  Result<VirtualPath> place_of(const FileSystem& held) const override;

  Task<Result<FileInfo>> stat(VirtualPath path) override;
  Task<Result<FileInfo>> lstat(VirtualPath path) override;
  // unsupported: to append, to read and write, to write into a file that has content without replacing it. io_error:
  // what is read is not an encrypted file.
  Task<Result<std::unique_ptr<File>>> open(VirtualPath path, OpenOptions options) override;
  Task<Result<std::unique_ptr<Directory>>> open_directory(VirtualPath path) override;
  Task<Result<void>> make_directory(VirtualPath path, std::uint32_t mode) override;
  Task<Result<void>> remove_file(VirtualPath path) override;
  Task<Result<void>> remove_directory(VirtualPath path) override;
  Task<Result<void>> rename(VirtualPath from, VirtualPath to, bool overwrite) override;
  Task<Result<void>> copy_file(VirtualPath from, VirtualPath to, bool overwrite) override;
  // Only from encrypted storage with the same passphrase: the bytes of the file stay as they are.
  Task<Result<void>> take_over(FileSystem& storage, VirtualPath from, VirtualPath to, bool overwrite) override;
  Task<Result<void>> make_symlink(std::string target, VirtualPath link) override;
  Task<Result<std::string>> read_symlink(VirtualPath path) override;
  Task<Result<void>> make_hard_link(VirtualPath existing, VirtualPath link) override;
  Task<Result<void>> link_from(FileSystem& storage, VirtualPath existing, VirtualPath link) override;
  Task<Result<void>> set_attributes(VirtualPath path, AttributeChange change, bool follow) override;
  Task<Result<SpaceInfo>> space(VirtualPath path) override;

 private:
  // The storage beneath `storage` if that is encrypted with the same passphrase; else null.
  FileSystem* beneath(FileSystem& storage) const;
  Task<Result<std::unique_ptr<File>>> open_reader(VirtualPath path, OpenOptions options);
  Task<Result<std::unique_ptr<File>>> open_writer(VirtualPath path, OpenOptions options);

  std::shared_ptr<FileSystem> inner_;
  std::shared_ptr<const crypto::Secret> passphrase_;
  Capabilities capabilities_;
};

}  // namespace ferry::vfs
