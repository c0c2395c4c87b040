// A name in a directory that is held by its descriptor, not by its path.
//
//   Result<HeldName> target = co_await hold_name(storage, path);     // "/a/b/f": holds /a/b
//   ... target->storage->lstat(target->path) ...                     // "/f" in it, also when /a is /c by now
//
// Used where a name is looked at first and changed later (an upload that is written beside its target, a removal that
// quotas count). If both steps used the path and a client renamed the directory in between, the second step would find
// nothing, or another directory: the upload would be lost, and its hidden file would stay for ever.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/task.h"
#include "quota/upload_table.h"
#include "vfs/file_system.h"

namespace ferry::session {

struct HeldName {
  std::shared_ptr<vfs::FileSystem> storage;  // the directory as a storage; the whole storage if it cannot be held
  VirtualPath path;                          // of the name, in `storage`
  std::uint64_t directory = 0;               // vfs::FileInfo::id of the directory; 0: it is not held

  // The key for quota::PathLocks: the same for everybody who uses this name in this directory, whatever path led there.
  std::string key() const;
};

// Errors: those of opening the directory. For storage that cannot hold directories, and for "/", answers the path
// itself.
Task<Result<HeldName>> hold_name(std::shared_ptr<vfs::FileSystem> storage, VirtualPath path);
// The same for the name that a symlink at `path` leads to, whether that exists or not.
Task<Result<HeldName>> hold_followed(std::shared_ptr<vfs::FileSystem> storage, VirtualPath path);

// The current path of the name in `whole`, the storage that it was held in.
Result<VirtualPath> where_is(const HeldName& name, const vfs::FileSystem& whole);

// Call it before something is put there: see quota::UploadTable::note_arrival. not_found: the directory was removed, or
// is being removed or moved to another storage.
Result<std::shared_ptr<const void>> note_arrival(quota::UploadTable& uploads, const HeldName& name,
                                                 const vfs::FileSystem& whole);

// Call it before something is done to what is there (it is removed, renamed, resized, or made in one step): see
// quota::UploadTable::note_use. Errors as of note_arrival.
Result<std::shared_ptr<const void>> note_use(quota::UploadTable& uploads, const HeldName& name,
                                             const vfs::FileSystem& whole);

// By what quota::UploadTable knows a file that is open for writing: its id; of storage that tells none (a remote SFTP
// server) a number made of where it lies.
std::uint64_t writer_id(const vfs::FileInfo& info, const vfs::FileSystem& storage, const VirtualPath& path);

// As FileSystem::rename, from one held directory of a storage to another.
Task<Result<void>> rename_held(HeldName from, HeldName to, bool overwrite);

}  // namespace ferry::session
