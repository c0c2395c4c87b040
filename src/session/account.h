// What a session and the files it has open share: whose they are, what they may, where things lie.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/task.h"
#include "model/user.h"
#include "session/data_allowance.h"
#include "session/factory.h"
#include "session/file_events.h"
#include "session/ledger.h"
#include "session/operation_log.h"
#include "session/patterns.h"
#include "session/permissions.h"
#include "session/registry.h"
#include "session/staged_upload.h"
#include "session/upload_room.h"
#include "vfs/mounts.h"

namespace ferry::session {

struct Account {
  model::UserPtr user;
  std::shared_ptr<const Identity> who;
  Options options;
  Permissions permissions;
  Patterns patterns;
  vfs::MountTable mounts;
  VirtualPath start_directory;
  std::unique_ptr<Registration> registration;
  std::size_t open_handles = 0;
  std::shared_ptr<Ledger> ledger = {};
  std::vector<Payers> payers = {};          // by the mount's id; empty: nothing is counted
  std::shared_ptr<Balance> transfers = {};  // none: what is transferred is not counted
  Paces paces = {};
  std::function<void(const model::UserPtr&)> recount = {};
  std::shared_ptr<vfs::FileSystem> staging = {};  // where atomic uploads grow; none: beside their targets
  std::shared_ptr<FileEvents> events = {};
  std::shared_ptr<OpenBudget::Share> budget = {};  // none: no limits
  OpenBudget::Taken roots = {};                    // its storages' part of it
  Clock::time_point begun = Clock::now();
  std::vector<std::shared_ptr<vfs::FileSystem>> plain_storages = {};  // by the mount's id, as far as needed
  StagedUploads staged_uploads = {};                                  // those that are open, and some that have ended

  // Whose quotas count what lies in the mount.
  const Payers& payers_of(const vfs::Mount& mount) const;
  // What an upload there has to watch; none: nothing.
  std::unique_ptr<UploadRoom> room_in(const vfs::Mount& mount) const;
  // The same of the data-transfer quota.
  std::unique_ptr<DataAllowance> data_allowance(bool upload) const;
  // What is free as the account may know it: by its quota where there is one.
  vfs::SpaceInfo space_in(const vfs::Mount& mount, vfs::SpaceInfo stored) const;

  // Whether `operation` may touch `path`: judged in its directory, and where symlinks lead, there too, so that
  // no link carries the rights of one directory into another. permission_denied otherwise; not_found for what
  // patterns hide, whether it is there or not. Answers where it lies once symlinks are resolved; only an account with
  // rules by directory or mounts is asked for that, for others it is the path given. What was allowed is done there, in
  // storage_of() its mount, so that no link that turns up meanwhile leads it elsewhere.
  Task<Result<VirtualPath>> check(Operation operation, VirtualPath path, bool follow);
  // The same for listing `directory`, judged in itself.
  Task<Result<VirtualPath>> check_listing(VirtualPath directory);
  // By the text of `path` alone, without its symlinks.
  Result<void> judge(Operation operation, const VirtualPath& path) const;
  Result<void> judge_listing(const VirtualPath& directory) const;
  // The mount's storage, which follows no links, if it has any: what was judged by its text is done there.
  const std::shared_ptr<vfs::FileSystem>& plain(const vfs::Mount& mount);
  // Where to do what was allowed: plain() for an account with rules by directory or mounts.
  const std::shared_ptr<vfs::FileSystem>& storage_of(const vfs::Mount& mount) {
    return alike_everywhere() ? mount.storage : plain(mount);
  }
  // Whether symlink_mode lets clients make links in the mount.
  Result<void> check_links(const vfs::Mount& mount) const;
  // No rule depends on the directory, and nothing is mounted over one: symlinks need not be resolved.
  bool alike_everywhere() const { return permissions.uniform() && patterns.empty() && mounts.mounts().size() == 1; }
  // A directory in which something is hidden, by its name or where links lead, must not tell by its errors that it is
  // not empty.
  Task<Error> discreet(Error error, VirtualPath directory);

  // Whether setstat_mode ignores changes of mode, owner and times there.
  bool ignores_attributes(const VirtualPath& path) const;
  // `wanted` without what setstat_mode ignores; permission_denied if the account may not change the rest.
  // A change of size needs the right to overwrite unless `may_resize`. `path` becomes where it lies, if a right was
  // needed.
  Task<Result<vfs::AttributeChange>> permitted(VirtualPath& path, vfs::AttributeChange wanted, bool follow,
                                               bool may_resize);

  // Places for files and directories that are about to be opened; limit_exceeded.
  Result<OpenBudget::Taken> take_places(std::size_t count = 1) const;

  // The mode of something new. One that the client gave and that is not the `usual` one is a chmod: without the right,
  // in the directory of `path` and in that of `place`, where links lead, or where setstat_mode ignores it, the usual
  // one counts.
  std::uint32_t mode_of_new(const VirtualPath& path, const VirtualPath& place, std::uint32_t asked,
                            std::uint32_t usual) const;

  // The upload of this session that will be at `path`, which is not there yet; null: none. `follow`: also where
  // symlinks lead. Rights are not asked.
  Task<std::shared_ptr<StagedUpload>> own_upload(VirtualPath path, bool follow);
  std::shared_ptr<StagedUpload> own_upload_at(const HeldName& name);

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
