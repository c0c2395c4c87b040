// The mount table: one virtual tree out of several storages. The home is mounted on "/", virtual folders
// anywhere, also inside one another and on paths that exist on no disk.
//
//   const MountTable::Target target = mounts.resolve(path);
//   co_await target.mount->storage->stat(target.path);
//
// Whole components count: a mount on "/share" does not see "/share2". The deepest mount wins.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/path_map.h"
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

  // conflict when something is mounted there already; what is mounted on "/" takes the place of the home.
  Result<void> add(VirtualPath point, std::shared_ptr<FileSystem> storage);

  Target resolve(const VirtualPath& path) const;

  // A mount point or one of the directories that lead to one: cannot be removed, renamed or replaced.
  bool is_pinned(const VirtualPath& path) const { return path.is_root() || by_point_.node(path) != nullptr; }
  // Names that the listing of `directory` shows whatever the storage says: mount points and the way to them.
  std::vector<std::string> names_in(const VirtualPath& directory) const;
  // Whether something is mounted below `path`, not counting on it.
  bool any_below(const VirtualPath& path) const { return by_point_.any_below(path); }

  const std::vector<std::unique_ptr<Mount>>& mounts() const { return mounts_; }
  // Whether another storage than the home is mounted on "/".
  bool home_replaced() const { return home_replaced_; }
  // The mount points but "/", and the way to them.
  const PathMap<const Mount*>& tree() const { return by_point_; }

 private:
  std::vector<std::unique_ptr<Mount>> mounts_;  // mounts_[0] is "/"; pointers stay valid when the table moves
  PathMap<const Mount*> by_point_;
  bool home_replaced_ = false;
};

}  // namespace ferry::vfs
