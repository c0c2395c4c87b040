// A Session whose whole tree lies below a prefix, as `sftpd.folder_prefix` wants it: with the prefix /a/b the account's
// file /f is the client's /a/b/f. The directories above (/ and /a) show nothing but the way down and cannot be changed;
// beside that way there is nothing. Relative paths start at the account's start directory below the prefix.
#pragma once

#include "session/session.h"

namespace ferry::sftp {

class PrefixedSession final : public session::Session {
 public:
  // `inner` must outlive this. `prefix` is not the root.
  PrefixedSession(session::Session& inner, VirtualPath prefix);

  const model::User& user() const override { return inner_.user(); }
  const presence::ConnectionInfo& connection() const override { return inner_.connection(); }
  const VirtualPath& start_directory() const override { return start_; }
  std::size_t open_handles() const override { return inner_.open_handles(); }

  Task<Result<vfs::FileInfo>> stat(VirtualPath path) override;
  Task<Result<vfs::FileInfo>> lstat(VirtualPath path) override;
  Task<Result<std::unique_ptr<session::OpenFile>>> open(VirtualPath path, vfs::OpenOptions options) override;
  Task<Result<std::unique_ptr<session::OpenDirectory>>> open_directory(VirtualPath path) override;
  Task<Result<void>> make_directory(VirtualPath path, std::uint32_t mode) override;
  Task<Result<void>> remove_file(VirtualPath path) override;
  Task<Result<void>> remove_directory(VirtualPath path) override;
  Task<Result<void>> rename(VirtualPath from, VirtualPath to, bool overwrite, session::GivenUp given_up) override;
  Task<Result<void>> copy(VirtualPath from, VirtualPath to, bool overwrite, session::GivenUp given_up) override;
  Task<Result<void>> make_symlink(std::string target, VirtualPath link) override;
  Task<Result<std::string>> read_symlink(VirtualPath path) override;
  Task<Result<void>> make_hard_link(VirtualPath existing, VirtualPath link) override;
  Task<Result<void>> set_attributes(VirtualPath path, vfs::AttributeChange change, bool follow) override;
  Task<Result<vfs::SpaceInfo>> space(VirtualPath path) override;
  Task<Result<bool>> holds_mounts(VirtualPath path) override;
  Task<Result<session::NativePlace>> native_place(VirtualPath path) override;
  Result<std::unique_ptr<session::DataFlow>> begin_flow(VirtualPath path, session::FlowUse use) override;
  Task<Result<void>> command_ended(std::string name, std::vector<VirtualPath> paths, bool succeeded) override;

 private:
  // Whether `path` leads to the prefix and is not the prefix itself.
  bool is_above(const VirtualPath& path) const;
  // The account's path. Else permission_denied above the prefix, and not_found beside it.
  Result<VirtualPath> below(const VirtualPath& path) const;
  // The same for what would be made, beside the prefix too: permission_denied.
  Result<VirtualPath> changeable(const VirtualPath& path) const;

  session::Session& inner_;
  VirtualPath prefix_, start_;
};

}  // namespace ferry::sftp
