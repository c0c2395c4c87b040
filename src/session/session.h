// Session: a logged-in account acting. Each protocol calls ONE method here per request; permissions,
// patterns, quota, bandwidth, hooks, accounting, logs and idle time are decided behind it and nowhere else.
//
// Lives on its connection's io_context; not thread-safe. Errors are what the client may be told (the code)
// and what the log needs (the message).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/task.h"
#include "base/virtual_path.h"
#include "model/user.h"
#include "presence/connection_info.h"
#include "session/native_place.h"
#include "vfs/file_system.h"

namespace ferry::session {

struct Services;

// Asked between the steps of a long operation: true when nobody waits for its result any more. The operation then ends
// with the error `aborted`.
using GivenUp = std::function<bool()>;

// An open file of an account: counts bytes, logs the transfer at close, settles quota.
// A file opened for writing in an atomic upload mode writes beside its target and is renamed at close();
// destroyed without close() (the client vanished) the partial upload is handled as upload_mode says.
class OpenFile {
 public:
  virtual ~OpenFile() = default;
  virtual Task<Result<std::size_t>> read_at(std::uint64_t offset, MutableByteSpan into) = 0;
  // No value: would wait, use read_at.
  virtual std::optional<Result<std::size_t>> try_read_at(std::uint64_t offset, std::span<const iovec> into) = 0;
  virtual Task<Result<void>> write_at(std::uint64_t offset, std::span<const iovec> pieces) = 0;
  // No value: might wait, use write_at.
  virtual std::optional<Result<void>> try_write_at(std::uint64_t offset, std::span<const iovec> pieces) = 0;
  virtual Task<Result<vfs::FileInfo>> info() = 0;
  virtual Task<Result<void>> set_attributes(vfs::AttributeChange change) = 0;
  virtual Task<Result<void>> sync() = 0;
  virtual Task<Result<vfs::SpaceInfo>> space() = 0;
  // Returns when the complete file is at its target and counted, or with the error that kept it from that.
  virtual Task<Result<void>> close() = 0;
  // The connection broke or the client gave up: logs the transfer as failed, keeps or removes the partial file.
  virtual Task<void> abandon(Error why) = 0;
};

// The modes of what is made without the client's word for it, before the umask; that of files is OpenOptions' default.
inline constexpr std::uint32_t usual_file_mode = vfs::OpenOptions().mode;
inline constexpr std::uint32_t usual_directory_mode = 0777;

class OpenDirectory {
 public:
  virtual ~OpenDirectory() = default;
  // Up to `max` further visible entries; empty at the end. "." and ".." are the protocol's.
  virtual Task<Result<std::vector<vfs::DirectoryEntry>>> next(std::size_t max) = 0;
};

// Data that goes between a client and something that is no OpenFile: a program such as rsync, a digest. It is listed as
// a transfer as long as it lives, and each piece marks the session as active. presence::Bandwidth, data-transfer quota
// and storage quota hold as for files.
class DataFlow {
 public:
  virtual ~DataFlow() = default;
  // The largest piece to pass at once. While a piece waits for its bandwidth the session is not marked as active, so
  // pieces must be small; 64 KiB is also what a pipe holds.
  static constexpr std::size_t piece = std::size_t{64} * 1024;
  // Call one before passing on a piece that came from the client (receive) or goes to it (send). Returns when the piece
  // may go on. quota_exceeded: it may not; connection_lost: the client has left.
  virtual Task<Result<void>> receive(std::uint64_t count) = 0;
  virtual Task<Result<void>> send(std::uint64_t count) = 0;

  // Before a program begins to work in `trees` (directories without symlinks, in the account's terms), which may hold
  // one another: what they hold then is not its own. Answers how large a file may get at most, as far as there is a
  // limit.
  virtual Task<Result<std::optional<std::uint64_t>>> begin_watch(std::vector<VirtualPath> trees) = 0;
  // Measures the trees again and again, for what arrives may be compressed or name what is there already.
  // quota_exceeded: they have grown beyond the account's room, and the program has to end. Else answers after
  // end_watch().
  virtual Task<Result<void>> watch() = 0;
  // The program has ended: watch() looks a last time.
  virtual void end_watch() = 0;
};

enum class FlowUse : std::uint8_t {
  read,      // a program reads the home for the client
  moved,     // the same, and removes what the client has got; the home is counted again at the end
  stored,    // a program may store what comes; at the end the home is counted again
  digested,  // what comes is not stored
};

class Session {
 public:
  virtual ~Session() = default;

  virtual const model::User& user() const = 0;
  virtual const presence::ConnectionInfo& connection() const = 0;
  // Where relative paths start: the account's start_directory.
  virtual const VirtualPath& start_directory() const = 0;

  virtual Task<Result<vfs::FileInfo>> stat(VirtualPath path) = 0;
  virtual Task<Result<vfs::FileInfo>> lstat(VirtualPath path) = 0;
  // limit_exceeded: the account, or all accounts, have as many files and directories open as they may. A mode that is
  // not the usual one counts only where a chmod would be allowed and done, as with make_directory.
  virtual Task<Result<std::unique_ptr<OpenFile>>> open(VirtualPath path, vfs::OpenOptions options) = 0;
  virtual Task<Result<std::unique_ptr<OpenDirectory>>> open_directory(VirtualPath path) = 0;
  virtual Task<Result<void>> make_directory(VirtualPath path, std::uint32_t mode) = 0;
  virtual Task<Result<void>> remove_file(VirtualPath path) = 0;
  virtual Task<Result<void>> remove_directory(VirtualPath path) = 0;
  // Between storages by copying and removing; the whole tree is moved, or nothing.
  virtual Task<Result<void>> rename(VirtualPath from, VirtualPath to, bool overwrite, GivenUp given_up = {}) = 0;
  // A file, a link (as a link) or a directory with all that is in it, as a whole or not at all; modes are kept. Needs
  // the right to copy in the directory of each end, beside what reading and writing need. already_exists: `to` is
  // there, and is not a file that may be replaced (overwrite) by a file. invalid_argument: onto or into itself.
  virtual Task<Result<void>> copy(VirtualPath from, VirtualPath to, bool overwrite, GivenUp given_up = {}) = 0;
  virtual Task<Result<void>> make_symlink(std::string target, VirtualPath link) = 0;
  virtual Task<Result<std::string>> read_symlink(VirtualPath path) = 0;
  virtual Task<Result<void>> make_hard_link(VirtualPath existing, VirtualPath link) = 0;
  virtual Task<Result<void>> set_attributes(VirtualPath path, vfs::AttributeChange change, bool follow) = 0;
  virtual Task<Result<vfs::SpaceInfo>> space(VirtualPath path) = 0;
  // Whether a virtual folder is mounted at `path` or below, also when `path` leads there by symlinks.
  virtual Task<Result<bool>> holds_mounts(VirtualPath path) = 0;
  // unsupported: not on local storage, or virtual folders are in the way; permission_denied: fewer rights than a
  // program needs (list, download, upload, overwrite, delete, rename, create_dirs, in all that is below).
  virtual Task<Result<NativePlace>> native_place(VirtualPath path) = 0;

  // `path`: shown in the list of transfers. quota_exceeded: with FlowUse::stored, when the quota is used up.
  // unsupported: a pre-upload or pre-download hook must be asked about each file, which a program does not do.
  // limit_exceeded: too many files and programs are open, see open().
  virtual Result<std::unique_ptr<DataFlow>> begin_flow(VirtualPath path, FlowUse use) = 0;
  // Publishes the end of an SSH command: its name and paths. An error: the notification could not be stored.
  virtual Task<Result<void>> command_ended(std::string name, std::vector<VirtualPath> paths, bool succeeded) = 0;

  // Open files and directories of this session; the protocol refuses more than its limit.
  virtual std::size_t open_handles() const = 0;
};

}  // namespace ferry::session
