// LocalFileSystem: a directory of this machine. The kernel makes sure that no path leads outside it.
//
//   auto storage = vfs::LocalFileSystem::open({.root = "/srv/ferry/alice", .create_root = true});
//
// It holds a descriptor of its root. Every path is resolved by openat2 beneath it and acted on through the
// parent's descriptor, so neither a path nor a symlink nor a race leads outside. Calls that may wait for a
// device run on the blocking pool; see local/waiting.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "vfs/file_system.h"
#include "vfs/local/root.h"

namespace ferry::vfs {

struct LocalOptions {
  std::string root;           // absolute, without "." and ".."; symlinks in it are followed
  std::uint32_t umask = 022;  // taken from the mode of everything created
  bool create_root = false;   // make it and its parents with mode 0700 when missing
  // Who owns what is created (needs the privilege to give files away); none: the server's own account.
  std::optional<AttributeChange::Owner> owner = {};
  bool cached_only = false;  // open() fails instead of waiting for a device; has no effect on what it opened
};

class LocalFileSystem final : public FileSystem {
 public:
  // Blocks, unless cached_only. invalid_argument for a root that is not absolute and normal, not_a_directory,
  // not_found, ...
  static Result<std::unique_ptr<LocalFileSystem>> open(LocalOptions options);

  const Capabilities& capabilities() const override;
  std::string_view name() const override { return "osfs"; }
  // The directory that is its root.
  Result<local::Root::Place> place() const { return root_.place(); }
  std::string location(const VirtualPath& path) const override;
  Task<Result<VirtualPath>> canonical(VirtualPath path, bool follow) override;
  std::shared_ptr<FileSystem> without_links() override;
  Task<Result<std::shared_ptr<FileSystem>>> hold_directory(VirtualPath path) override;
  Result<VirtualPath> place_of(const FileSystem& held) const override;

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
  Task<Result<void>> link_from(FileSystem& storage, VirtualPath existing, VirtualPath link) override;
  Task<Result<void>> set_attributes(VirtualPath path, AttributeChange change, bool follow) override;
  Task<Result<SpaceInfo>> space(VirtualPath path) override;
  Task<Result<Descriptor>> open_native(VirtualPath path) override;

 private:
  LocalFileSystem(LocalOptions options, local::Root root);
  Task<Result<void>> link(const local::Root& from_root, VirtualPath existing, VirtualPath link);
  Task<Result<void>> move(const local::Root& from_root, VirtualPath from, VirtualPath to, bool overwrite);

  LocalOptions options_;
  local::Root root_;
};

}  // namespace ferry::vfs
