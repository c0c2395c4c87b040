// The mount table: one virtual tree out of several storages. The home is mounted on "/", virtual folders
// anywhere, also inside one another and on paths that exist on no disk.
//
//   const MountTable::Target target = mounts.resolve(path);
//   co_await target.mount->storage->stat(target.path);
//
// Whole components count: a mount on "/share" does not see "/share2". The deepest mount wins.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/virtual_path.h"
#include "vfs/file_system.h"

namespace ferry::vfs {

struct Mount {
  VirtualPath point;  // where in the account's tree
  std::shared_ptr<FileSystem> storage;
  std::size_t id = 0;  // its place in the table; two paths with one id share a storage
};

class MountTable {
 public:
  struct Target {
    const Mount* mount;
    VirtualPath path;  // inside mount->storage
  };

  // `home` on "/".
  explicit MountTable(std::shared_ptr<FileSystem> home);

  // conflict when something is mounted there already; mounting on "/" replaces the home.
  Result<void> add(VirtualPath point, std::shared_ptr<FileSystem> storage);

  Target resolve(const VirtualPath& path) const;

  // A mount point or one of the directories that lead to one: cannot be removed, renamed or replaced.
  bool is_pinned(const VirtualPath& path) const;
  bool is_mount_point(const VirtualPath& path) const { return by_point_.contains(path.text()); }
  // Names that the listing of `directory` shows whatever the storage says: mount points and the way to them.
  const std::set<std::string>& names_in(const VirtualPath& directory) const;

  const std::vector<std::unique_ptr<Mount>>& mounts() const { return mounts_; }

 private:
  std::vector<std::unique_ptr<Mount>> mounts_;  // mounts_[0] is "/"; pointers stay valid when the table moves
  std::map<std::string, const Mount*, std::less<>> by_point_;
  std::map<std::string, std::set<std::string>, std::less<>> names_;  // directory -> names
};

}  // namespace ferry::vfs
