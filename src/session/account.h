// What a session and the files it has open share: whose they are, what they may, where things lie.
#pragma once

#include <memory>
#include <utility>

#include "base/task.h"
#include "model/user.h"
#include "session/factory.h"
#include "session/operation_log.h"
#include "session/permissions.h"
#include "session/registry.h"
#include "vfs/mounts.h"

namespace ferry::session {

struct Account {
  model::UserPtr user;
  std::shared_ptr<const Identity> who;
  Options options;
  Permissions permissions;
  vfs::MountTable mounts;
  VirtualPath start_directory;
  std::unique_ptr<Registration> registration;
  std::size_t open_handles = 0;

  // Whether `operation` may touch `path`: judged in its directory, and where symlinks lead, there too, so that
  // no link carries the rights of one directory into another. permission_denied otherwise.
  Task<Result<void>> check(Operation operation, VirtualPath path, bool follow);
  // The same, judged in `directory` itself: its listing.
  Task<Result<void>> check_in(Operation operation, VirtualPath directory);

  // `wanted` without what setstat_mode ignores; permission_denied if the account may not change the rest.
  // A change of size needs the right to overwrite unless `may_resize`.
  Task<Result<vfs::AttributeChange>> permitted(VirtualPath path, vfs::AttributeChange wanted, bool follow,
                                               bool may_resize);

  // Where `path` really lies, for logs.
  std::string location(const VirtualPath& path) const;

  // `path` with its symlinks resolved, in the account's terms.
  Task<Result<VirtualPath>> canonical(VirtualPath path, bool follow);
};

// One of the open files and directories of a session, as long as it lives.
class Handle {
 public:
  explicit Handle(std::shared_ptr<Account> account) : account_(std::move(account)) { ++account_->open_handles; }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { --account_->open_handles; }
  Account* operator->() const { return account_.get(); }
  Account& operator*() const { return *account_; }

 private:
  std::shared_ptr<Account> account_;
};

// A command line for each attribute that was changed.
void log_changes(const Identity& who, std::string_view path, const vfs::AttributeChange& change,
                 Clock::time_point start);

}  // namespace ferry::session
