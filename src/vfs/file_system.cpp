#include "vfs/file_system.h"

#include <sys/stat.h>

namespace ferry::vfs {

std::uint32_t FileInfo::posix_mode() const {
  switch (type) {
    case FileType::regular: return S_IFREG | mode;
    case FileType::directory: return S_IFDIR | mode;
    case FileType::symlink: return S_IFLNK | mode;
    case FileType::other: return (special != 0 ? special : S_IFIFO) | mode;
  }
  return mode;
}

std::optional<Result<std::size_t>> File::try_read_at(std::uint64_t, std::span<const iovec>) { return std::nullopt; }

std::optional<Result<void>> File::try_write_at(std::uint64_t, std::span<const iovec>) { return std::nullopt; }

Task<Result<void>> File::discard() {
  Result<void> closed = co_await close();
  co_return closed;
}

Task<Result<std::shared_ptr<FileSystem>>> FileSystem::hold_directory(VirtualPath) {
  co_return fail(ErrorCode::unsupported, "directories of this storage cannot be held");
}

Result<VirtualPath> FileSystem::place_of(const FileSystem&) const {
  return fail(ErrorCode::unsupported, "directories of this storage cannot be held");
}

std::string FileSystem::location(const VirtualPath& path) const { return path.text(); }

Task<Result<Descriptor>> FileSystem::open_native(VirtualPath) {
  co_return fail(ErrorCode::unsupported, "not on this machine's file system");
}

Task<Result<void>> FileSystem::copy_file(VirtualPath, VirtualPath, bool) {
  co_return fail(ErrorCode::unsupported, "this storage cannot copy files by itself");
}

Task<Result<std::optional<std::string>>> FileSystem::stored_digest(VirtualPath, std::string) {
  co_return std::optional<std::string>();
}

Task<Result<void>> FileSystem::take_over(FileSystem&, VirtualPath, VirtualPath, bool) {
  co_return fail(ErrorCode::unsupported, "from another storage");
}

Task<Result<void>> FileSystem::link_from(FileSystem&, VirtualPath, VirtualPath) {
  co_return fail(ErrorCode::unsupported, "from another storage");
}

Task<Result<VirtualPath>> FileSystem::canonical(VirtualPath path, bool) { co_return path; }

}  // namespace ferry::vfs
