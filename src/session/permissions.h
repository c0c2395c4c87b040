// What an account may do in each directory, and which right each operation needs.
//
//   Permissions rights(user.permissions);
//   if (!rights.allow(Operation::remove_file, path.parent())) return fail(ErrorCode::permission_denied);
//
// Only the entry of the nearest parent that has one counts; it replaces entries above it. With {"/": ["*"], "/in":
// ["upload"]} a client may upload to /in and do nothing else there. Without an entry for "/" nothing is allowed in it.
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
  // Unknown words and paths that cannot be parsed grant nothing.
  explicit Permissions(const model::Permissions& by_directory);

  // Whether the operation is allowed on entries of `directory`.
  bool allow(Operation operation, const VirtualPath& directory) const;
  // The same for `directory` and for every directory below it that has an entry of its own; needed to move a tree.
  bool allow_throughout(Operation operation, const VirtualPath& directory) const;
  // The rights are the same in every directory.
  bool uniform() const { return uniform_; }

 private:
  PathMap<std::uint32_t> rights_;
  bool uniform_ = true;
};

}  // namespace ferry::session
