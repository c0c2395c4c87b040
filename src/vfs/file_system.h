// The storage interface: what every backend (local, encrypted, s3, ...) offers to `session`.
//
// A backend knows nothing of accounts, permissions or quotas. Paths are VirtualPaths relative to the
// backend's own root. Every call may suspend; none blocks the event loop. What a backend cannot do it
// says in capabilities(), so that a protocol can answer before any work is done.
//
// Errors, unless a call says more: not_found, permission_denied, not_a_directory, io_error, timeout,
// connection_lost. A message may hold a real path (it is for the log); clients see only the code.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/task.h"
#include "base/virtual_path.h"

namespace ferry::vfs {

enum class FileType : std::uint8_t { regular, directory, symlink, other };

// Seconds and nanoseconds since the epoch.
struct FileTime {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  auto operator<=>(const FileTime&) const = default;
};

struct FileInfo {
  FileType type = FileType::regular;
  std::uint32_t special =
      0;                   // which one `other` is, as POSIX has it: S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK; 0: not known
  std::uint32_t mode = 0;  // permission bits only, 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;
  std::uint64_t links = 1;
  std::uint64_t id = 0;  // tells the files of this machine apart, also removed ones if it can; 0: cannot be told
  FileTime modified;
  FileTime accessed;
  // POSIX st_mode: type and permission bits, as SFTP attributes and long names carry it.
  std::uint32_t posix_mode() const;
};

struct DirectoryEntry {
  std::string name;
  FileInfo info;  // of the entry itself: a symlink is not followed
};

// How open() opens. One of read and write at least.
struct OpenOptions {
  bool read = false;
  bool write = false;
  bool append = false;     // every write goes to the end; needs capabilities().append
  bool create = false;     // make it when it is missing
  bool exclusive = false;  // with create: already_exists when it is there
  bool truncate = false;
  std::uint32_t mode = 0666;  // of a new file, before the backend's umask
};

// What set_attributes changes; an empty one changes nothing.
struct AttributeChange {
  std::optional<std::uint64_t> size = {};
  std::optional<std::uint32_t> mode = {};  // permission bits
  struct Owner {
    std::uint32_t uid, gid;
  };
  std::optional<Owner> owner = {};
  struct Times {
    FileTime accessed, modified;
  };
  std::optional<Times> times = {};
};

// As struct statvfs, in fragments and counts.
struct SpaceInfo {
  std::uint64_t block_size = 4096, fragment_size = 4096;
  std::uint64_t blocks = 0, blocks_free = 0, blocks_available = 0;
  std::uint64_t files = 0, files_free = 0, files_available = 0;
  std::uint64_t filesystem_id = 0;
  std::uint64_t name_max = 255;
  bool read_only = false;
};

struct Capabilities {
  bool random_writes = true;  // write_at at any offset; else only sequential from 0
  bool append = true;
  bool atomic_rename = true;
  bool symlinks = true;
  bool hard_links = true;
  bool attributes = true;  // chmod, chown, chtimes
  bool truncate = true;
  bool space_info = true;
};

// An open file. Closed by close(), which reports what a late write failure cost; a destroyed File that
// was not closed gives its resources back silently. One operation at a time.
class File {
 public:
  virtual ~File() = default;

  // Reads up to into.size() bytes from `offset`; fewer only at the end of the file, 0 there.
  virtual Task<Result<std::size_t>> read_at(std::uint64_t offset, MutableByteSpan into) = 0;

  // The same into several spans, but only if that needs no waiting: no value means "would block, use
  // read_at". May answer fewer bytes than are there: the rest then needs read_at. Default: never.
  virtual std::optional<Result<std::size_t>> try_read_at(std::uint64_t offset, std::span<const iovec> into);

  // Writes all the pieces one after another from `offset`. With append the offset is ignored.
  // storage_full leaves an unspecified part written. The pieces stay the caller's until it returns.
  virtual Task<Result<void>> write_at(std::uint64_t offset, std::span<const iovec> pieces) = 0;

  // The same if it is known not to wait for a device (memory-backed storage); no value: use write_at.
  virtual std::optional<Result<void>> try_write_at(std::uint64_t offset, std::span<const iovec> pieces);

  virtual Task<Result<FileInfo>> info() = 0;
  virtual Task<Result<void>> set_attributes(AttributeChange change) = 0;
  // What was written is on stable storage when this returns.
  virtual Task<Result<void>> sync() = 0;
  virtual Task<Result<void>> close() = 0;
};

// An open directory, streamed: memory does not grow with the number of entries.
class Directory {
 public:
  virtual ~Directory() = default;
  // Up to `max` further entries in no particular order, never "." or ".."; empty at the end. An entry
  // that vanishes meanwhile is left out.
  virtual Task<Result<std::vector<DirectoryEntry>>> next(std::size_t max) = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual const Capabilities& capabilities() const = 0;
  // A word for logs and metrics: "osfs", "s3fs", ...
  virtual std::string_view name() const = 0;
  // Where `path` really lies, for logs and hooks; never for a client. Default: the path itself.
  virtual std::string location(const VirtualPath& path) const;

  // `path` with the symlinks in it resolved (the last name only if `follow`); names that do not exist stay.
  // What a permission on a directory must be judged by. Default, for storage without links: the path itself.
  virtual Task<Result<VirtualPath>> canonical(VirtualPath path, bool follow);

  // The same storage, which follows no symlink: a path with one before its last name, or with one there that would be
  // followed, is unsupported. What is judged by the text of a path is done with this, so that nothing comes between.
  // Default, for storage without links: none, the storage itself will do.
  virtual std::shared_ptr<FileSystem> without_links() { return nullptr; }

  // Follows symlinks inside the root; one that leaves it: permission_denied.
  virtual Task<Result<FileInfo>> stat(VirtualPath path) = 0;
  virtual Task<Result<FileInfo>> lstat(VirtualPath path) = 0;

  // Regular files only: a device, socket or FIFO is permission_denied, a directory is_a_directory.
  virtual Task<Result<std::unique_ptr<File>>> open(VirtualPath path, OpenOptions options) = 0;
  virtual Task<Result<std::unique_ptr<Directory>>> open_directory(VirtualPath path) = 0;

  virtual Task<Result<void>> make_directory(VirtualPath path, std::uint32_t mode) = 0;
  // is_a_directory for a directory. A symlink itself is removed.
  virtual Task<Result<void>> remove_file(VirtualPath path) = 0;
  // directory_not_empty unless it is empty.
  virtual Task<Result<void>> remove_directory(VirtualPath path) = 0;
  // overwrite: POSIX rename; else already_exists when `to` exists, without a race. unsupported: only by copying.
  virtual Task<Result<void>> rename(VirtualPath from, VirtualPath to, bool overwrite) = 0;

  // The same with a file of another storage as `from`; unsupported: only by copying, the default.
  virtual Task<Result<void>> take_over(FileSystem& storage, VirtualPath from, VirtualPath to, bool overwrite);

  // `target` is stored as given, relative or absolute *in this root's terms*.
  virtual Task<Result<void>> make_symlink(std::string target, VirtualPath link) = 0;
  virtual Task<Result<std::string>> read_symlink(VirtualPath path) = 0;
  virtual Task<Result<void>> make_hard_link(VirtualPath existing, VirtualPath link) = 0;

  // follow = false changes a symlink itself (lsetstat).
  virtual Task<Result<void>> set_attributes(VirtualPath path, AttributeChange change, bool follow) = 0;
  virtual Task<Result<SpaceInfo>> space(VirtualPath path) = 0;

  // A descriptor of the file or directory that `path` is on this machine (O_PATH), symlinks followed inside the root.
  // Default, for storage that lies elsewhere or is not stored as it is read: unsupported.
  virtual Task<Result<Descriptor>> open_native(VirtualPath path);
};

}  // namespace ferry::vfs
