// The codec of an SFTP version 3 client (draft-ietf-secsh-filexfer-02 and OpenSSH's PROTOCOL, section 4): builds
// requests, reads replies. It does no I/O, and everything that it reads comes from a server that may be hostile.
//
//   Request request = Request::path(Packet::lstat, "/srv/x");
//   request.set_id(7);                        // when it is sent
//   ... request.bytes() ...
//   Result<FileInfo> info = read_attributes(reply, "/srv/x");
#pragma once

#include <sys/uio.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "vfs/file_system.h"
#include "vfs/sftp/protocol.h"

namespace ferry::vfs::sftp {

// What the server offers beyond version 3; each is used where it is there.
struct Extensions {
  bool posix_rename = false;
  bool sync = false;
  bool space = false;
  bool copy_data = false;
  bool lsetstat = false;
  bool limits = false;
};

// limits@openssh.com: bytes; brought to what we use.
struct Limits {
  std::uint64_t read = plain_transfer;
  std::uint64_t write = plain_transfer;
};

// A packet to send, with its length before it. All of them but INIT carry an id.
class Request {
 public:
  Request() = default;
  static Request init();
  static Request path(Packet type, std::string_view path);
  static Request handle(Packet type, std::string_view handle);
  static Request open(std::string_view path, std::uint32_t flags, std::uint32_t mode);
  static Request make_directory(std::string_view path, std::uint32_t mode);
  static Request read(std::string_view handle, std::uint64_t offset, std::uint32_t count);
  // The pieces are copied.
  static Request write(std::string_view handle, std::uint64_t offset, std::span<const iovec> pieces);
  static Request rename(std::string_view from, std::string_view to);
  // RFC draft order: linkpath, targetpath; as OpenSSH has it: the other way round.
  static Request symlink(std::string_view link, std::string_view target, bool as_openssh);
  static Request set_attributes(std::string_view path, const AttributeChange& change);
  static Request set_handle_attributes(std::string_view handle, const AttributeChange& change);
  // OpenSSH's PROTOCOL, 4.3 to 4.11 and copy-data (draft-ietf-secsh-filexfer-extensions-00, section 7).
  static Request posix_rename(std::string_view from, std::string_view to);
  static Request sync(std::string_view handle);
  static Request space(std::string_view path);
  static Request limits();
  static Request lsetstat(std::string_view path, const AttributeChange& change);
  static Request copy_data(std::string_view from, std::string_view to);

  bool empty() const { return bytes_.empty(); }
  void set_id(std::uint32_t id);
  const Bytes& bytes() const { return bytes_; }

 private:
  explicit Request(Bytes bytes) : bytes_(std::move(bytes)) {}
  static Request finish(ByteWriter writer);
  Bytes bytes_;
};

// One packet of the server: its type, and what follows the id.
struct Reply {
  Packet type = Packet::status;
  std::unique_ptr<std::byte[]> storage;
  std::size_t skip = 0;  // of the storage: type and id
  std::size_t size = 0;
  ByteSpan body() const { return {storage.get() + skip, size}; }
};

// VERSION: its fields after the type. protocol_error: not version 3.
Result<Extensions> read_version(ByteSpan body);

// Each reads the reply that its request may get; a STATUS other than OK becomes its error, `what` is named in its
// message. protocol_error: a reply of another type, or one that breaks off.
Result<void> read_status(const Reply& reply, std::string_view what);
Result<std::string> read_handle(const Reply& reply, std::string_view what);
// A view into the reply; no value: the end of the file.
Result<std::optional<ByteSpan>> read_data(const Reply& reply, std::string_view what);
Result<FileInfo> read_attributes(const Reply& reply, std::string_view what);
// Of READDIR, as they came: names may be anything. No value: there are no more.
Result<std::optional<std::vector<DirectoryEntry>>> read_names(const Reply& reply, std::string_view what);
// Of READLINK.
Result<std::string> read_one_name(const Reply& reply, std::string_view what);
Result<SpaceInfo> read_space(const Reply& reply, std::string_view what);
// What cannot be read or makes no sense becomes the plain limits.
Limits read_limits(const Reply& reply);

}  // namespace ferry::vfs::sftp
