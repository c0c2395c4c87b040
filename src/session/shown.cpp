#include "session/shown.h"

namespace ferry::session {

Task<bool> is_shown(vfs::FileSystem& storage, VirtualPath path, std::uint64_t size, quota::Existing before) {
  const Result<vfs::FileInfo> now = co_await storage.lstat(std::move(path));
  if (!now || now->type != vfs::FileType::regular || now->size != size) co_return false;
  // One of the same size and time may still be the old one: then nothing is claimed.
  co_return !before || before->size != now->size || before->modified != now->modified;
}

}  // namespace ferry::session
