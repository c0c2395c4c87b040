// A name in a directory that is held by its descriptor, not by its path.
//
//   Result<HeldName> target = co_await hold_name(storage, path);     // "/a/b/f": holds /a/b
//   ... target->storage->lstat(target->path) ...                     // "/f" in it, also when /a is /c by now
//
// What looks at a name first and changes it later (an upload that grows beside its target, a removal that quotas count)
// does both through one of these. By its path alone, a directory renamed in between would lead the second step
// elsewhere or nowhere: the upload would be lost, and its hidden file would stay.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/task.h"
#include "session/open_uploads.h"
#include "vfs/file_system.h"

namespace ferry::session {

struct HeldName {
  std::shared_ptr<vfs::FileSystem> storage;  // the directory; the whole storage where directories cannot be held
  VirtualPath path;                          // of the name, in `storage`
  std::uint64_t directory = 0;               // vfs::FileInfo::id of the directory; 0: it is not held

  // What PathLocks take for it: alike for everybody who means this name in this directory, by whatever path.
  std::string key() const;
};

// Errors are those of looking for the directory. Where directories cannot be held, and for "/", the path itself.
Task<Result<HeldName>> hold_name(std::shared_ptr<vfs::FileSystem> storage, VirtualPath path);
// The same of the name that a symlink at `path` leads to, whether that is there or not.
Task<Result<HeldName>> hold_followed(std::shared_ptr<vfs::FileSystem> storage, VirtualPath path);

// Where it is now in `whole`, the storage it was held in.
Result<VirtualPath> where_is(const HeldName& name, const vfs::FileSystem& whole);

// Before something is put there: see OpenUploads::note_arrival. not_found: the directory is not there any more, or is
// being removed or moved to another storage.
Result<std::shared_ptr<const void>> note_arrival(OpenUploads& uploads, const HeldName& name,
                                                 const vfs::FileSystem& whole);

// As FileSystem::rename, from one held directory of a storage to another.
Task<Result<void>> rename_held(HeldName from, HeldName to, bool overwrite);

}  // namespace ferry::session
