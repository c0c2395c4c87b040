// The state that a session shares with the files it has open: the user, its permissions, its mounts, its quotas.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/task.h"
#include "model/user.h"
#include "presence/registry.h"
#include "quota/data_allowance.h"
#include "quota/ledger.h"
#include "quota/upload_quota.h"
#include "session/factory.h"
#include "session/file_events.h"
#include "session/operation_log.h"
#include "session/patterns.h"
#include "session/permissions.h"
#include "session/staged_upload.h"
#include "vfs/mounts.h"

namespace ferry::session {

struct SessionState {
  model::UserPtr user;
  std::shared_ptr<const Identity> who;
  Options options;
  Permissions permissions;
  Patterns patterns;
  vfs::MountTable mounts;
  VirtualPath start_directory;
  std::unique_ptr<presence::Registration> registration;
  std::size_t open_handles = 0;
  std::shared_ptr<quota::Ledger> ledger = {};
  std::vector<quota::Owners> owners = {};          // whose quotas count each mount, by the mount's id; empty: nobody's
  std::shared_ptr<quota::Balance> transfers = {};  // of the data-transfer quota; null: not counted
  presence::Paces paces = {};
  std::function<void(const model::UserPtr&)> recount = {};
  std::shared_ptr<vfs::FileSystem> staging = {};  // temp_path, for partial files; null: they lie beside their targets
  std::shared_ptr<FileEvents> events = {};
  std::shared_ptr<presence::OpenBudget::Share> budget = {};  // none: no limits
  presence::OpenBudget::Taken roots = {};                    // its storages' part of it
  Clock::time_point begun = Clock::now();
  std::vector<std::shared_ptr<vfs::FileSystem>> link_free_storages = {};  // by the mount's id, made when first needed
  StagedUploads staged_uploads = {};  // those that are open, and some that have ended
  std::size_t staged_purge_at = 16;   // how many there are when those that have ended are taken out

  // Whose quotas count the files of the mount.
  const quota::Owners& owners_of(const vfs::Mount& mount) const;
  // The quota check of an upload into the mount; null: there is no limit and nothing to count.
  std::unique_ptr<quota::UploadQuota> room_in(const vfs::Mount& mount) const;
  // As room_in, for the data-transfer quota.
  std::unique_ptr<quota::DataAllowance> data_allowance(bool upload) const;
  // The free space to show to the client: what its quota leaves, if that is less than the disk has.
  vfs::SpaceInfo space_in(const vfs::Mount& mount, vfs::SpaceInfo stored) const;

  // Whether `operation` on `path` is allowed. Both the path as given and the path with its symlinks resolved are
  // checked, so that a link in a directory with many rights cannot reach a file in one with few. Errors:
  // permission_denied; not_found for what patterns hide, whether it exists or not. Answers the resolved path. Do the
  // operation on that path, in storage_of() its mount: that storage follows no link, so a link which the client makes
  // after the check cannot lead elsewhere. For accounts with the same rules everywhere links need not be resolved, and
  // the answer is the path as given.
  Task<Result<VirtualPath>> check(Operation operation, VirtualPath path, bool follow);
  // The same for listing `directory`; the rights in the directory itself count, not those in its parent.
  Task<Result<VirtualPath>> check_listing(VirtualPath directory);
  // The check of the path as given alone, without resolving symlinks.
  Result<void> check_text(Operation operation, const VirtualPath& path) const;
  Result<void> check_listing_text(const VirtualPath& directory) const;
  // The mount's storage in the form that follows no symlinks (vfs::FileSystem::without_links).
  const std::shared_ptr<vfs::FileSystem>& link_free(const vfs::Mount& mount);
  // The storage on which to do what check() allowed: one that follows no links, unless all rules of the account are the
  // same everywhere.
  const std::shared_ptr<vfs::FileSystem>& storage_of(const vfs::Mount& mount) {
    return has_uniform_rules() ? mount.storage : link_free(mount);
  }
  // permission_denied when symlink_mode does not let clients make links in the mount; unsupported when it has none.
  Result<void> check_links(const vfs::Mount& mount, bool hard = false) const;
  // The kind of storage that is configured for the mount. For settings that name kinds, such as symlink_mode.
  model::FilesystemProvider provider_of(const vfs::Mount& mount) const;
  // The account has one set of permissions, no patterns and no folders: a symlink cannot lead to a place with other
  // rules, so symlinks need not be resolved.
  bool has_uniform_rules() const { return permissions.uniform() && patterns.empty() && mounts.mounts().size() == 1; }
  // Replaces directory_not_empty by another error where patterns may hide what is in `directory`: otherwise the error
  // would tell the client that something hidden is there.
  Task<Error> discreet(Error error, VirtualPath directory);

  // Whether setstat_mode ignores changes of mode and owner there.
  bool ignores_attributes(const VirtualPath& path) const;
  // Whether setstat_mode ignores that the storage, which can do it for other files, answered unsupported to `change`.
  bool ignores(const Error& error, const vfs::AttributeChange& change) const;
  // The changes of `wanted` that are to be made: without those that setstat_mode ignores. unsupported if the storage
  // cannot make one of the others, permission_denied if the account may not. A change of size needs the right to
  // overwrite, unless `may_resize`. If a right had to be checked, `path` is set to the resolved path.
  Task<Result<vfs::AttributeChange>> permitted_changes(VirtualPath& path, vfs::AttributeChange wanted, bool follow,
                                                       bool may_resize);

  // Places for files and directories that are about to be opened; limit_exceeded.
  Result<presence::OpenBudget::Taken> take_places(std::size_t count = 1) const;

  // The mode of something new. One that the client gave and that is not the `usual` one is a chmod: without the right,
  // in the directory of `path` and in that of `place`, where links lead, or where setstat_mode ignores it, the usual
  // one counts.
  std::uint32_t mode_of_new(const VirtualPath& path, const VirtualPath& place, std::uint32_t asked,
                            std::uint32_t usual) const;

  // The upload of this session that will be at `path`, which is not there yet; null: none. `follow`: also where
  // symlinks lead. Rights are not asked.
  Task<std::shared_ptr<StagedUpload>> own_upload(VirtualPath path, bool follow);
  std::shared_ptr<StagedUpload> own_upload_at(const HeldName& name);
  void note_staged(const std::shared_ptr<StagedUpload>& upload);

  // The real path of `path` on the storage, for logs.
  std::string location(const VirtualPath& path) const;

  // `path` with its symlinks resolved, in the account's terms.
  Task<Result<VirtualPath>> canonical(VirtualPath path, bool follow);
};

// Counts one open file or directory of a session, as long as it lives, and keeps the shared state alive.
class OpenHandle {
 public:
  explicit OpenHandle(std::shared_ptr<SessionState> state) : state_(std::move(state)) { ++state_->open_handles; }
  OpenHandle(const OpenHandle&) = delete;
  OpenHandle& operator=(const OpenHandle&) = delete;
  ~OpenHandle() { --state_->open_handles; }
  SessionState* operator->() const { return state_.get(); }
  SessionState& operator*() const { return *state_; }

 private:
  std::shared_ptr<SessionState> state_;
};

// Writes a command line to the log for each attribute that was changed.
void log_changes(const Identity& who, LoggedPath path, const vfs::AttributeChange& change, Clock::time_point start);

}  // namespace ferry::session
