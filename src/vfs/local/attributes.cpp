#include "vfs/local/attributes.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <limits>

namespace ferry::vfs::local {

namespace {

#ifdef SYS_fchmodat2
constexpr long fchmodat2_number = SYS_fchmodat2;
#else
constexpr long fchmodat2_number = 452;  // the same on every architecture
#endif

FileType type_of(std::uint32_t mode) {
  if (S_ISREG(mode)) return FileType::regular;
  if (S_ISDIR(mode)) return FileType::directory;
  if (S_ISLNK(mode)) return FileType::symlink;
  return FileType::other;
}

timespec to_timespec(FileTime time) {
  timespec value{};
  value.tv_sec = static_cast<time_t>(time.seconds);
  value.tv_nsec = static_cast<long>(time.nanoseconds);
  return value;
}

// Steele, Lea, Flood: SplitMix64's finalizer; different numbers stay different.
std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

// ext4 and xfs give the number of a removed file to the next one at once; the time of its birth tells them apart.
std::uint64_t identity(const struct statx& facts) {
  std::uint64_t id = mixed(facts.stx_ino);
  id = mixed(id ^ (std::uint64_t{facts.stx_dev_major} << 32U | facts.stx_dev_minor));
  if ((facts.stx_mask & STATX_BTIME) != 0) {
    id = mixed(id ^ static_cast<std::uint64_t>(facts.stx_btime.tv_sec));
    id = mixed(id ^ facts.stx_btime.tv_nsec);
  }
  return id != 0 ? id : 1;
}

Result<void> change_mode(int descriptor, std::uint32_t mode) {
  if (::syscall(fchmodat2_number, descriptor, "", mode & 07777, AT_EMPTY_PATH) == 0) return {};
  if (errno != ENOSYS) return fail_errno(errno, "chmod");
  // Before Linux 6.6 only the descriptor's name under /proc reaches an O_PATH one; a symlink's own bits it
  // would pretend to change.
  const Result<struct statx> facts = stat_at(descriptor, "");
  if (!facts) return fail(facts.error());
  if (S_ISLNK(facts->stx_mode)) return fail(ErrorCode::unsupported, "chmod of a symlink");
  const std::string name = "/proc/self/fd/" + std::to_string(descriptor);
  if (::chmod(name.c_str(), mode & 07777) != 0) return fail_errno(errno, "chmod");
  return {};
}

}  // namespace

FileInfo to_info(const struct statx& facts) {
  FileInfo info;
  info.type = type_of(facts.stx_mode);
  if (info.type == FileType::other) info.special = facts.stx_mode & S_IFMT;
  info.mode = facts.stx_mode & 07777U;
  info.uid = facts.stx_uid;
  info.gid = facts.stx_gid;
  info.size = facts.stx_size;
  info.links = facts.stx_nlink;
  info.id = identity(facts);
  info.modified = {facts.stx_mtime.tv_sec, facts.stx_mtime.tv_nsec};
  info.accessed = {facts.stx_atime.tv_sec, facts.stx_atime.tv_nsec};
  return info;
}

Result<struct statx> stat_at(int directory, const char* name) {
  struct statx facts {};
  const int flags = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
  if (::statx(directory, name, flags, wanted_facts, &facts) != 0) return fail_errno(errno, "statx");
  return facts;
}

Result<void> change_attributes(int descriptor, const AttributeChange& change) {
  // The owner first: changing it drops the set-user-id bits that the mode may set.
  Result<void> owned, permitted, timed;
  if (change.owner && ::fchownat(descriptor, "", change.owner->uid, change.owner->gid, AT_EMPTY_PATH) != 0) {
    owned = fail_errno(errno, "chown");
  }
  if (change.mode) permitted = change_mode(descriptor, *change.mode);
  if (change.times) {
    const timespec times[2] = {to_timespec(change.times->accessed), to_timespec(change.times->modified)};
    if (::utimensat(descriptor, "", times, AT_EMPTY_PATH) != 0) timed = fail_errno(errno, "utimens");
  }
  if (!owned) return owned;
  return permitted ? timed : permitted;
}

bool frees_much(std::uint64_t bytes, Lookup& lookup) {
  constexpr std::uint64_t much = 16 * 1024 * 1024;
  if (!lookup.brief_only || bytes < much) return false;
  lookup.would_wait = true;
  return true;
}

bool frees_much(int directory, const char* name, Lookup& lookup) {
  if (!lookup.brief_only) return false;
  const Result<struct statx> facts = stat_at(directory, name);
  return facts && facts->stx_nlink == 1 && frees_much(facts->stx_size, lookup);
}

bool closing_frees_much(int descriptor, Lookup& lookup) {
  if (!lookup.brief_only) return false;
  const Result<struct statx> facts = stat_at(descriptor, "");
  return facts && facts->stx_nlink == 0 && frees_much(facts->stx_size, lookup);
}

Result<void> change_size(int descriptor, std::uint64_t size, Lookup& lookup) {
  if (size > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
    return fail(ErrorCode::invalid_argument, "size out of range");
  }
  if (lookup.brief_only) {
    const Result<struct statx> facts = stat_at(descriptor, "");
    if (facts && facts->stx_size > size && frees_much(facts->stx_size - size, lookup)) return {};
  }
  while (::ftruncate(descriptor, static_cast<off_t>(size)) != 0) {
    if (errno != EINTR) return fail_errno(errno, "truncate");
  }
  return {};
}

}  // namespace ferry::vfs::local
