// Finds out what a path means on the remote server, symlinks included. The protocol has no way to act below a directory
// only, so every component is looked at (all in one round trip) before the operation is done on the path that they
// make. Between the two another client of that server may put a symlink there: what it gains is what the remote account
// may reach anyway. See docs/sftp-storage.md.
#pragma once

#include <optional>
#include <string>

#include "vfs/sftp/pool.h"

namespace ferry::vfs::sftp {

// The directory of the remote server that is the root of a storage.
struct RemoteRoot {
  std::shared_ptr<Pool> pool;
  VirtualPath prefix;
  std::uint32_t umask = 022;

  std::string text(const VirtualPath& path) const { return prefix.join(path).text(); }
};

struct Place {
  VirtualPath path;              // in the root's terms, without symlinks but for the last name
  std::optional<FileInfo> info;  // of what is there; none: nothing is
  // Why it cannot be there: the directory above is missing (not_found), or is none (not_a_directory).
  std::optional<ErrorCode> obstacle;
};

// `path` with the symlinks in it resolved, the last one only if `follow`. permission_denied: a link leads out of the
// root, or there are too many. Not `links`: unsupported when a link would have to be followed.
Task<Result<Place>> resolve(const RemoteRoot& root, VirtualPath path, bool follow, bool links);

// What to store for a link at the directory `directory` (canonical) to `target` in the root's terms.
// permission_denied when it would lead outside, invalid_argument when it is no path.
Result<std::string> stored_target(const RemoteRoot& root, const std::string& target, const VirtualPath& directory);
// The reverse: permission_denied for a target that lies outside.
Result<std::string> shown_target(const RemoteRoot& root, const std::string& stored, const VirtualPath& directory);

}  // namespace ferry::vfs::sftp
