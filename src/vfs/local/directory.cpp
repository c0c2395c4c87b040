#include "vfs/local/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>

#include "vfs/local/attributes.h"

namespace ferry::vfs::local {

namespace {

bool is_dot(const char* name) { return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0)); }

}  // namespace

Result<bool> LocalDirectory::fill() {
  const long count = ::syscall(SYS_getdents64, descriptor_.get(), buffer_.data(), buffer_.size());
  if (count < 0 && errno == ENOENT) return false;  // removed while it was read
  if (count < 0) return fail_errno(errno, "getdents64");
  position_ = 0;
  end_ = static_cast<std::size_t>(count);
  return count > 0;
}

Result<std::vector<DirectoryEntry>> LocalDirectory::read(std::size_t max) {
  std::vector<DirectoryEntry> entries;
  while (entries.size() < max) {
    if (position_ >= end_) {
      const Result<bool> more = fill();
      if (!more) return fail(more.error());
      if (!*more) break;
    }
    // struct dirent is the kernel's linux_dirent64 on 64-bit file offsets.
    const auto* entry = reinterpret_cast<const dirent64*>(buffer_.data() + position_);
    position_ += entry->d_reclen;
    if (is_dot(entry->d_name)) continue;
    struct statx facts {};
    const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
    if (::statx(descriptor_.get(), entry->d_name, flags, wanted_facts, &facts) != 0) continue;  // vanished
    entries.push_back({entry->d_name, to_info(facts)});
  }
  return entries;
}

Task<Result<std::vector<DirectoryEntry>>> LocalDirectory::next(std::size_t max) {
  auto work = [this, max](Lookup&) { return read(max); };
  auto entries = co_await change(storage_, work);
  co_return std::move(entries);
}

}  // namespace ferry::vfs::local
