// What an account may do in each directory, and which right each operation needs.
//
//   Permissions rights(user.permissions);
//   if (!rights.allow(Operation::remove_file, path.parent())) return fail(ErrorCode::permission_denied);
//
// The entry of the nearest listed parent counts, alone: a deeper entry replaces what is above it, it adds
// nothing. An account without an entry for "/" may do nothing there.
#pragma once

#include <cstdint>

#include "base/path_map.h"
#include "base/virtual_path.h"
#include "model/user.h"

namespace ferry::session {

// The words of the REST schema Permission, one bit each; `any` ("*") is all of them.
enum class Permission : std::uint32_t {
  list = 1U << 0,
  download = 1U << 1,
  upload = 1U << 2,
  overwrite = 1U << 3,
  remove = 1U << 4,  // "delete"
  delete_files = 1U << 5,
  delete_dirs = 1U << 6,
  rename = 1U << 7,
  rename_files = 1U << 8,
  rename_dirs = 1U << 9,
  create_dirs = 1U << 10,
  create_symlinks = 1U << 11,
  chmod = 1U << 12,
  chown = 1U << 13,
  chtimes = 1U << 14,
  copy = 1U << 15,
  any = (1U << 16) - 1,
};

// What a session does to a path, each with the rights that allow it in the table of permissions.cpp.
enum class Operation : std::uint8_t {
  list,  // also stat, lstat, readlink, statvfs
  download,
  upload,
  overwrite,  // an existing file: by an upload, a rename or a change of its size
  remove_file,
  remove_directory,
  rename_file,
  rename_directory,
  make_directory,
  make_link,  // symbolic or hard
  chmod,
  chown,
  chtimes,
  copy,
};

class Permissions {
 public:
  // Words that are not in the schema and paths that cannot be parsed give no right.
  explicit Permissions(const model::Permissions& by_directory);

  // In `directory`, on what lies in it.
  bool allow(Operation operation, const VirtualPath& directory) const;
  // The same in `directory` and every listed directory below it: what moving a whole tree needs.
  bool allow_throughout(Operation operation, const VirtualPath& directory) const;
  // The same rights everywhere.
  bool uniform() const { return uniform_; }

 private:
  PathMap<std::uint32_t> rights_;
  bool uniform_ = true;
};

}  // namespace ferry::session
