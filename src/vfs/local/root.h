// The root of a local storage and the resolution of paths beneath it. The only file that calls openat2.
//
// RESOLVE_BENEATH, not RESOLVE_IN_ROOT. Both keep every lookup inside, but IN_ROOT takes a link to
// "/etc/passwd" for <root>/etc/passwd, so that an upload through it would land in a file that nobody named.
// BENEATH refuses such a link (permission_denied, as FileSystem promises), and every other absolute link
// too. Therefore links that clients make are stored relative. An absolute link that others made (SFTPGo
// stores links so) is followed when its target lies below the root's own real path: canonical() rewrites
// the path, and the kernel resolves the result beneath the root again. A client who changes the link in
// between can only make that second resolution fail or end at another file inside.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/virtual_path.h"
#include "vfs/file_system.h"
#include "vfs/local/descriptor.h"
#include "vfs/local/waiting.h"

namespace ferry::vfs::local {

class Root {
 public:
  // Blocks. `path` is absolute and normal. With `create` missing directories are made, mode 0700, the last
  // one given to `owner`.
  static Result<Root> open(const std::string& path, bool create, const std::optional<AttributeChange::Owner>& owner);

  // The same without waiting, for a directory that exists and is cached, on a local device where a root was opened
  // before; any error means that open() has to find out.
  static Result<Root> open_cached(const std::string& path);

  // The same root, which follows no symlink: a path in which one would be followed is unsupported.
  Root without_links() const;

  // The directory `path` of this root as a root of its own, which follows no links and stays this directory wherever it
  // is renamed to.
  Result<Root> hold(const VirtualPath& path, Lookup& lookup) const;
  // Where a root that hold() answered lies now in the one that was asked ("/" for any other). not_found: it was
  // removed, or moved out of it. Does not wait for a device.
  Result<VirtualPath> where() const;

  // open(2) flags, O_CLOEXEC added. Without O_NOFOLLOW a symlink at the end is followed inside the root.
  Result<Descriptor> open_at(const VirtualPath& path, int flags, Lookup& lookup) const;

  // The directory that holds `path`, to act in with *at() calls on path.name(). permission_denied for "/".
  Result<Descriptor> open_parent(const VirtualPath& path, Lookup& lookup) const;

  // `path` with its symlinks resolved (the last one only if `follow`); names that are missing stay as they
  // are. permission_denied for one that leads outside. Blocks. The answer may be out of date when it is used:
  // clients change the tree at any time.
  Result<VirtualPath> canonical(const VirtualPath& path, bool follow) const;

  // Whether `path` exists and no part of it, the last name included, is a symlink: then it is its own canonical form.
  bool is_plain(const VirtualPath& path, Lookup& lookup) const;

  // Where an absolute path of this machine lies in this root; nothing when it lies outside.
  std::optional<VirtualPath> inside(std::string_view absolute) const;

  // The directory that is open, whatever has become of the path meanwhile. io_error.
  struct Place {
    std::string real;  // without links
    dev_t device = 0;
    ino_t inode = 0;
  };
  Result<Place> place() const;

  Storage storage() const { return storage_; }
  // The kind of storage of an open file on `device`, which differs from storage() where another file system is mounted
  // below the root.
  Storage storage_of(int descriptor, dev_t device) const;
  // Where it is on this machine: as configured, or by where().
  std::string path() const;

 private:
  // Makes a root of an open directory whose device and kind of storage are known.
  static Result<Root> around(Descriptor directory, const std::string& path, dev_t device, Storage storage);
  Result<Descriptor> resolve(const VirtualPath& path, int flags, Lookup& lookup) const;
  Result<std::optional<std::string>> link_target(const VirtualPath& path) const;

  std::string path_;       // as configured; of one that hold() answered, where it was then
  std::string real_path_;  // with its symlinks resolved
  std::shared_ptr<const Descriptor> directory_;
  std::shared_ptr<const Root> whole_;  // of one that hold() answered: the root that it is a part of
  std::uint64_t resolve_ = 0;          // more flags of openat2
  dev_t device_ = 0;
  Storage storage_ = Storage::remote;
};

}  // namespace ferry::vfs::local
