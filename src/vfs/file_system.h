// The storage interface: what every backend (local, encrypted, s3, ...) offers to `session`.
//
// A backend knows nothing of accounts, permissions or quotas. Paths are VirtualPaths relative to the
// backend's own root. Every call may suspend the coroutine; none blocks the event loop. capabilities() says what
// a backend cannot do, so that a request can be refused before any work is done.
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
  // Differs between any two files of this machine, also from one that was removed before, where the file system tells;
  // 0: not known. Two hard links of one file have the same id.
  std::uint64_t id = 0;
  FileTime modified;
  FileTime accessed;
  // POSIX st_mode: type and permission bits, as SFTP attributes and long names carry it.
  std::uint32_t posix_mode() const;
};

struct DirectoryEntry {
  std::string name;
  FileInfo info;  // of the entry itself: a symlink is not followed
};

// How open() opens: read, write or both.
struct OpenOptions {
  bool read = false;
  bool write = false;
  bool append = false;     // every write goes to the end; needs capabilities().append
  bool create = false;     // make it when it is missing
  bool exclusive = false;  // with create: already_exists when it is there
  bool truncate = false;
  std::uint32_t mode = 0666;  // of a new file, before the backend's umask
  // How long the file will be, where the client says so beforehand. A hint: an object store chooses its part size by
  // it.
  std::optional<std::uint64_t> expected_size = {};
};

// What set_attributes changes; fields without a value stay as they are.
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

// As struct statvfs: blocks are counted in units of fragment_size, files in inodes.
struct SpaceInfo {
  std::uint64_t block_size = 4096, fragment_size = 4096;
  std::uint64_t blocks = 0, blocks_free = 0, blocks_available = 0;
  std::uint64_t files = 0, files_free = 0, files_available = 0;
  std::uint64_t filesystem_id = 0;
  std::uint64_t name_max = 255;
  bool read_only = false;
};

// What a backend can do, and how. Session has one rule for each flag and applies it before any work is done, for every
// backend alike.
struct Capabilities {
  bool random_writes = true;  // write_at at any offset; else from 0 on without gaps, each byte once
  bool append = true;
  bool truncate = true;  // change of the size of a file, open or not
  // What is written shows, and replaces what was there, when close() has answered success, and not before; discard(), a
  // failed close() and a File that is destroyed leave what was there. False: what is written is in the file at once.
  bool published_at_close = false;
  bool resume = true;            // open() without truncate writes into a file that is there
  bool atomic_rename = true;     // rename() of a file takes one step whatever its size, and replaces the target in it
  bool directory_rename = true;  // the same for a directory with all that is in it
  bool copy = false;             // copy_file(): the bytes need not pass through this process
  bool held_directories = true;  // hold_directory() and place_of()
  bool symlinks = true;
  bool hard_links = true;
  bool attributes = true;  // chmod, chown
  bool times = true;       // chtimes
  bool space_info = true;
};

// An open file. A file that was opened for writing ends by exactly one of
//   close():    everything was written. Success: the whole content is at its path, and published. It also reports write
//               errors that the storage noticed late (NFS reports a full disk there); after an error nothing new is
//               published by storage with published_at_close, and other storage holds what it holds.
//   discard():  writing has failed, or the client left. Storage with published_at_close removes all that was stored for
//               the upload; other storage only closes, and the caller decides about the file.
// Destroying it without either is a discard that nobody waits for. One operation at a time. It may be used, ended and
// destroyed on any executor, also on the blocking pool, after the io_context on which it was opened has stopped.
class File {
 public:
  virtual ~File() = default;

  // Reads up to into.size() bytes from `offset`; fewer only at the end of the file, 0 there.
  virtual Task<Result<std::size_t>> read_at(std::uint64_t offset, MutableByteSpan into) = 0;

  // As read_at, into several spans, but only if that needs no waiting. No value: it would have to wait, call
  // read_at instead. May answer fewer bytes than the file has there; read_at gets the rest. The default
  // implementation always answers no value.
  virtual std::optional<Result<std::size_t>> try_read_at(std::uint64_t offset, std::span<const iovec> into);

  // Writes all the pieces one after another from `offset` on. With append the offset is ignored. After an
  // error (storage_full, say) any part of the data may have been written. The pieces must stay valid and
  // unchanged until it returns.
  virtual Task<Result<void>> write_at(std::uint64_t offset, std::span<const iovec> pieces) = 0;

  // As write_at, but only on storage that is known not to wait for a device (tmpfs). No value: call write_at.
  virtual std::optional<Result<void>> try_write_at(std::uint64_t offset, std::span<const iovec> pieces);

  virtual Task<Result<FileInfo>> info() = 0;
  virtual Task<Result<void>> set_attributes(AttributeChange change) = 0;
  // When this returns, what was written survives a power failure.
  virtual Task<Result<void>> sync() = 0;
  virtual Task<Result<void>> close() = 0;
  // Default, for storage without published_at_close: close().
  virtual Task<Result<void>> discard();
};

// An open directory, read in batches: a directory of a million entries takes no more memory than a small one.
class Directory {
 public:
  virtual ~Directory() = default;
  // Up to `max` further entries in no particular order, without "." and ".."; empty: there are no more. An entry
  // that is removed meanwhile is left out.
  virtual Task<Result<std::vector<DirectoryEntry>>> next(std::size_t max) = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual const Capabilities& capabilities() const = 0;
  // A word for logs and metrics: "osfs", "s3fs", ...
  virtual std::string_view name() const = 0;
  // The real path ("/srv/ferry/alice/x"), for logs and hooks; must never be shown to a client. Default: the path
  // itself.
  virtual std::string location(const VirtualPath& path) const;
  // The same for every storage object that reaches the same file, and different for any other: for keys of locks and
  // tables. Where location() is a path on another machine this names the machine too. Default: location().
  virtual std::string place(const VirtualPath& path) const { return location(path); }

  // `path` with the symlinks in it resolved (the last name only if `follow`); names that do not exist stay as they are.
  // Permissions must be checked against this path: with a link /open/x -> /closed, "/open/x/f" is "/closed/f".
  // Default, for storage without links: the path itself.
  virtual Task<Result<VirtualPath>> canonical(VirtualPath path, bool follow);

  // The same storage, but every call fails with unsupported when a symlink would be followed. Session uses it to act on
  // a path whose permissions it has just checked. Otherwise a client could pass the check with "/open/dir/f", replace
  // /open/dir by a link to /closed, and have the operation done on "/closed/f".
  // Default, for storage without links: null, the storage itself is safe.
  virtual std::shared_ptr<FileSystem> without_links() { return nullptr; }

  // The directory `path` as a storage of its own, whose root is "/". It stays this directory when it, or one above it,
  // is renamed: an upload that began in /a/b ends there, although that is /c/b by then. No path leads out of it, and it
  // follows no symlink (see without_links). location() tells where it is at the moment, and targets of links made in it
  // are read in the terms of the storage that was asked. Default, for storage without such directories: unsupported.
  virtual Task<Result<std::shared_ptr<FileSystem>>> hold_directory(VirtualPath path);
  // Where a directory that hold_directory() of this storage answered lies now; not_found: it was removed, or moved to
  // where this storage does not reach. Default: unsupported.
  virtual Result<VirtualPath> place_of(const FileSystem& held) const;

  // Follows symlinks inside the root; one that leaves it: permission_denied.
  virtual Task<Result<FileInfo>> stat(VirtualPath path) = 0;
  virtual Task<Result<FileInfo>> lstat(VirtualPath path) = 0;

  // Regular files only: a device, socket or FIFO is permission_denied, a directory is_a_directory. With `create`, a
  // symlink to a name inside the root that does not exist makes that file; with `exclusive` any symlink is
  // already_exists.
  virtual Task<Result<std::unique_ptr<File>>> open(VirtualPath path, OpenOptions options) = 0;
  virtual Task<Result<std::unique_ptr<Directory>>> open_directory(VirtualPath path) = 0;

  virtual Task<Result<void>> make_directory(VirtualPath path, std::uint32_t mode) = 0;
  // is_a_directory for a directory. A symlink itself is removed.
  virtual Task<Result<void>> remove_file(VirtualPath path) = 0;
  // directory_not_empty unless it is empty.
  virtual Task<Result<void>> remove_directory(VirtualPath path) = 0;
  // overwrite: replaces `to`, as POSIX rename does. Otherwise already_exists when `to` exists, also when it is created
  // at the same moment. unsupported: this storage can rename this only by copying, which the caller may do.
  virtual Task<Result<void>> rename(VirtualPath from, VirtualPath to, bool overwrite) = 0;

  // Copies one regular file with its content, inside the storage; `to` and `overwrite` as with rename. Until it is
  // complete, `to` is what it was. Default: unsupported.
  virtual Task<Result<void>> copy_file(VirtualPath from, VirtualPath to, bool overwrite);

  // A digest of the whole file that is stored beside it, so that nobody has to read it: lower-case hex. `algorithm`:
  // "sha256", "md5", "crc32c", ... No value: none is stored, or the file has changed since. Default: no value.
  virtual Task<Result<std::optional<std::string>>> stored_digest(VirtualPath path, std::string algorithm);

  // As rename, with `from` in another storage. unsupported, which is the default: only by copying.
  virtual Task<Result<void>> take_over(FileSystem& storage, VirtualPath from, VirtualPath to, bool overwrite);

  // `target` is stored as given, relative or absolute *in this root's terms*.
  virtual Task<Result<void>> make_symlink(std::string target, VirtualPath link) = 0;
  virtual Task<Result<std::string>> read_symlink(VirtualPath path) = 0;
  virtual Task<Result<void>> make_hard_link(VirtualPath existing, VirtualPath link) = 0;
  // The same with a file of another storage as `existing`. Default: unsupported.
  virtual Task<Result<void>> link_from(FileSystem& storage, VirtualPath existing, VirtualPath link);

  // follow = false changes a symlink itself (lsetstat).
  virtual Task<Result<void>> set_attributes(VirtualPath path, AttributeChange change, bool follow) = 0;
  virtual Task<Result<SpaceInfo>> space(VirtualPath path) = 0;

  // An O_PATH descriptor of the file or directory, for programs such as rsync that work on real files. Symlinks are
  // followed inside the root. Default: unsupported (the storage is not on this machine, or it stores other bytes than
  // it reads, as encrypted storage does).
  virtual Task<Result<Descriptor>> open_native(VirtualPath path);
};

}  // namespace ferry::vfs
