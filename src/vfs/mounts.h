// The mount table: joins several storages into the one tree that an account sees. The home is mounted on "/",
// virtual folders at any other path, also inside one another and at paths that exist in no storage.
//
//   const MountTable::Target target = mounts.resolve(path);
//   co_await target.mount->storage->stat(target.path);
//
// With folders on "/share" and "/share/old": "/share/old/x" resolves to "/x" of the second, "/share/y" to "/y" of the
// first, and "/share2/z" to "/share2/z" of the home.
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

  // conflict when a folder is mounted there already. A folder mounted on "/" replaces the home.
  Result<void> add(VirtualPath point, std::shared_ptr<FileSystem> storage);

  Target resolve(const VirtualPath& path) const;

  // A mount point or one of the directories that lead to one: cannot be removed, renamed or replaced.
  bool is_pinned(const VirtualPath& path) const { return path.is_root() || by_point_.node(path) != nullptr; }
  // Names that a listing of `directory` shows beside those of the storage: with a folder on "/a/b/c", "a" in "/" and
  // "b" in "/a".
  std::vector<std::string> names_in(const VirtualPath& directory) const;
  // Whether something is mounted below `path`; a mount at `path` itself does not count.
  bool any_below(const VirtualPath& path) const { return by_point_.any_below(path); }

  const std::vector<std::unique_ptr<Mount>>& mounts() const { return mounts_; }
  // Whether another storage than the home is mounted on "/".
  bool home_replaced() const { return home_replaced_; }
  // The mount points without "/", and the directories that lead to them.
  const PathMap<const Mount*>& tree() const { return by_point_; }

 private:
  std::vector<std::unique_ptr<Mount>> mounts_;  // mounts_[0] is "/"; pointers stay valid when the table moves
  PathMap<const Mount*> by_point_;
  bool home_replaced_ = false;
};

}  // namespace ferry::vfs
