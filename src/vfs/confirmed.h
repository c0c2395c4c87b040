// A storage on another machine whose answer may be lost: a rename was done, and the connection broke before the server
// could say so. Told as failed, it would leave a file that is whole under its new name, which no quota counts; a move
// would then remove the copy that is the only one left. This wrapper looks at what became of it, and answers that.
//
// rename, remove_file, remove_directory: after an error that leaves it open, the names are looked at. set_attributes
// can be repeated without harm, so it is tried once more. Where looking fails too, the first error stays, and the
// caller must reckon with both (see leaves_open). Nobody else of this process changes the names meanwhile: session
// holds their locks.
#pragma once

#include <memory>

#include "vfs/file_system.h"

namespace ferry::vfs {

// Whether an operation that failed with this may have been done all the same.
bool leaves_open(const Error& error);

class ConfirmedFileSystem final : public FileSystem {
 public:
  explicit ConfirmedFileSystem(std::shared_ptr<FileSystem> inner) : inner_(std::move(inner)) {}

  const Capabilities& capabilities() const override { return inner_->capabilities(); }
  std::string_view name() const override { return inner_->name(); }
  std::string location(const VirtualPath& path) const override { return inner_->location(path); }
  std::string place(const VirtualPath& path) const override { return inner_->place(path); }
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
  Task<Result<std::optional<std::string>>> stored_digest(VirtualPath path, std::string algorithm) override;
  Task<Result<void>> take_over(FileSystem& storage, VirtualPath from, VirtualPath to, bool overwrite) override;
  Task<Result<void>> make_symlink(std::string target, VirtualPath link) override;
  Task<Result<std::string>> read_symlink(VirtualPath path) override;
  Task<Result<void>> make_hard_link(VirtualPath existing, VirtualPath link) override;
  Task<Result<void>> set_attributes(VirtualPath path, AttributeChange change, bool follow) override;
  Task<Result<SpaceInfo>> space(VirtualPath path) override;

 private:
  Task<Result<void>> after_removal(VirtualPath path, Error error);

  std::shared_ptr<FileSystem> inner_;
};

}  // namespace ferry::vfs
