#include "vfs/sftp/packets.h"

#include <algorithm>
#include <limits>

namespace ferry::vfs::sftp {

namespace {

constexpr std::uint32_t no_id = 0;
constexpr std::size_t most_message = 512;  // of a server's text in our log

ByteWriter start(Packet type, std::size_t reserve = 0) {
  ByteWriter out(reserve + 64);
  out.u32(0).u8(static_cast<std::uint8_t>(type)).u32(no_id);
  return out;
}

ByteWriter start_extended(std::string_view name) {
  ByteWriter out = start(Packet::extended);
  out.string(name);
  return out;
}

std::uint32_t to_u32_seconds(const FileTime& time) {
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(time.seconds, 0, std::numeric_limits<std::uint32_t>::max()));
}

void put_attributes(ByteWriter& out, const AttributeChange& change) {
  std::uint32_t flags = 0;
  if (change.size) flags |= attr_size;
  if (change.owner) flags |= attr_uid_gid;
  if (change.mode) flags |= attr_permissions;
  if (change.times) flags |= attr_times;
  out.u32(flags);
  if (change.size) out.u64(*change.size);
  if (change.owner) out.u32(change.owner->uid).u32(change.owner->gid);
  if (change.mode) out.u32(*change.mode & 07777U);
  if (change.times) out.u32(to_u32_seconds(change.times->accessed)).u32(to_u32_seconds(change.times->modified));
}

// S_IFMT and its values as POSIX has them; SFTP sends them whatever the server's system is.
void take_mode(FileInfo& info, std::uint32_t mode) {
  info.mode = mode & 07777U;
  switch (mode & 0170000U) {
    case 0040000U: info.type = FileType::directory; break;
    case 0120000U: info.type = FileType::symlink; break;
    case 0100000U:
    case 0: info.type = FileType::regular; break;
    default: info.type = FileType::other; info.special = mode & 0170000U;
  }
}

FileInfo take_attributes(ByteReader& in) {
  FileInfo info;
  const std::uint32_t flags = in.u32();
  if (flags & attr_size) info.size = in.u64();
  if (flags & attr_uid_gid) {
    info.uid = in.u32();
    info.gid = in.u32();
  }
  if (flags & attr_permissions) take_mode(info, in.u32());
  if (flags & attr_times) {
    info.accessed.seconds = in.u32();
    info.modified.seconds = in.u32();
  }
  if (flags & attr_extended) {
    for (std::uint32_t count = in.u32(); count > 0 && in.ok(); --count) {
      in.blob();
      in.blob();
    }
  }
  return info;
}

// Some servers leave the permissions out of a listing; the long name ("drwxr-xr-x ...") tells the type then.
void take_long_name(FileInfo& info, std::string_view text) {
  if (info.type != FileType::regular || info.mode != 0 || text.empty()) return;
  if (text.front() == 'd') info.type = FileType::directory;
  if (text.front() == 'l') info.type = FileType::symlink;
}

ErrorCode code_of(Status status) {
  switch (status) {
    case Status::no_such_file:
    case Status::no_such_path: return ErrorCode::not_found;
    case Status::permission_denied:
    case Status::write_protect: return ErrorCode::permission_denied;
    case Status::bad_message: return ErrorCode::invalid_argument;
    case Status::no_connection:
    case Status::connection_lost: return ErrorCode::connection_lost;
    case Status::op_unsupported: return ErrorCode::unsupported;
    case Status::file_already_exists: return ErrorCode::already_exists;
    case Status::no_space_on_filesystem:
    case Status::quota_exceeded: return ErrorCode::storage_full;
    case Status::dir_not_empty: return ErrorCode::directory_not_empty;
    case Status::not_a_directory: return ErrorCode::not_a_directory;
    case Status::file_is_a_directory: return ErrorCode::is_a_directory;
    case Status::ok:
    case Status::eof:
    case Status::failure: break;
  }
  return ErrorCode::io_error;
}

std::unexpected<Error> broken(std::string_view what) {
  return fail(ErrorCode::protocol_error, "unusable reply of the SFTP server to: " + std::string(what));
}

// Of a reply that is not what the request asks for.
std::unexpected<Error> refused(const Reply& reply, std::string_view what) {
  if (reply.type != Packet::status) return broken(what);
  ByteReader in(reply.body());
  const auto status = static_cast<Status>(in.u32());
  if (!in.ok() || status == Status::ok) return broken(what);
  const std::string_view text = in.string();  // older servers leave it out
  return fail(code_of(status), std::string(what) + ": " + std::string(text.substr(0, most_message)) + " (status " +
                                   std::to_string(static_cast<std::uint32_t>(status)) + ")");
}

bool is_eof(const Reply& reply) {
  if (reply.type != Packet::status) return false;
  ByteReader in(reply.body());
  return static_cast<Status>(in.u32()) == Status::eof && in.ok();
}

}  // namespace

Request Request::finish(ByteWriter writer) {
  Bytes bytes = writer.take();
  store_u32(bytes.data(), static_cast<std::uint32_t>(bytes.size() - 4));
  return Request(std::move(bytes));
}

void Request::set_id(std::uint32_t id) { store_u32(bytes_.data() + 5, id); }

Request Request::init() {
  ByteWriter out;
  out.u32(0).u8(static_cast<std::uint8_t>(Packet::init)).u32(3);
  return finish(std::move(out));
}

Request Request::path(Packet type, std::string_view path) {
  ByteWriter out = start(type, path.size());
  out.string(path);
  return finish(std::move(out));
}

Request Request::handle(Packet type, std::string_view handle) { return path(type, handle); }

Request Request::open(std::string_view path, std::uint32_t flags, std::uint32_t mode) {
  ByteWriter out = start(Packet::open, path.size());
  out.string(path).u32(flags);
  put_attributes(out, (flags & open_create) != 0 ? AttributeChange{.mode = mode} : AttributeChange{});
  return finish(std::move(out));
}

Request Request::make_directory(std::string_view path, std::uint32_t mode) {
  ByteWriter out = start(Packet::mkdir, path.size());
  out.string(path);
  put_attributes(out, {.mode = mode});
  return finish(std::move(out));
}

Request Request::read(std::string_view handle, std::uint64_t offset, std::uint32_t count) {
  ByteWriter out = start(Packet::read, handle.size());
  out.string(handle).u64(offset).u32(count);
  return finish(std::move(out));
}

Request Request::write(std::string_view handle, std::uint64_t offset, std::span<const iovec> pieces) {
  std::size_t size = 0;
  for (const iovec& piece : pieces) size += piece.iov_len;
  ByteWriter out = start(Packet::write, handle.size() + size);
  out.string(handle).u64(offset).u32(static_cast<std::uint32_t>(size));
  for (const iovec& piece : pieces) out.bytes({static_cast<const std::byte*>(piece.iov_base), piece.iov_len});
  return finish(std::move(out));
}

Request Request::rename(std::string_view from, std::string_view to) {
  ByteWriter out = start(Packet::rename, from.size() + to.size());
  out.string(from).string(to);
  return finish(std::move(out));
}

Request Request::symlink(std::string_view link, std::string_view target, bool as_openssh) {
  ByteWriter out = start(Packet::symlink, link.size() + target.size());
  out.string(as_openssh ? target : link).string(as_openssh ? link : target);
  return finish(std::move(out));
}

Request Request::set_attributes(std::string_view path, const AttributeChange& change) {
  ByteWriter out = start(Packet::setstat, path.size());
  out.string(path);
  put_attributes(out, change);
  return finish(std::move(out));
}

Request Request::set_handle_attributes(std::string_view handle, const AttributeChange& change) {
  ByteWriter out = start(Packet::fsetstat, handle.size());
  out.string(handle);
  put_attributes(out, change);
  return finish(std::move(out));
}

Request Request::posix_rename(std::string_view from, std::string_view to) {
  ByteWriter out = start_extended("posix-rename@openssh.com");
  out.string(from).string(to);
  return finish(std::move(out));
}

Request Request::sync(std::string_view handle) {
  ByteWriter out = start_extended("fsync@openssh.com");
  out.string(handle);
  return finish(std::move(out));
}

Request Request::space(std::string_view path) {
  ByteWriter out = start_extended("statvfs@openssh.com");
  out.string(path);
  return finish(std::move(out));
}

Request Request::limits() { return finish(start_extended("limits@openssh.com")); }

Request Request::lsetstat(std::string_view path, const AttributeChange& change) {
  ByteWriter out = start_extended("lsetstat@openssh.com");
  out.string(path);
  put_attributes(out, change);
  return finish(std::move(out));
}

Request Request::copy_data(std::string_view from, std::string_view to) {
  ByteWriter out = start_extended("copy-data");
  out.string(from).u64(0).u64(0).string(to).u64(0);  // a length of 0: until the end of the file
  return finish(std::move(out));
}

Result<Extensions> read_version(ByteSpan body) {
  ByteReader in(body);
  const std::uint32_t version = in.u32();
  if (!in.ok() || version != 3) return fail(ErrorCode::protocol_error, "the SFTP server does not speak version 3");
  Extensions found;
  while (in.ok() && !in.rest().empty()) {
    const std::string_view name = in.string();
    const std::string_view data = in.string();
    if (!in.ok()) return fail(ErrorCode::protocol_error, "unusable list of SFTP extensions");
    if (name == "posix-rename@openssh.com") found.posix_rename = data == "1";
    if (name == "fsync@openssh.com") found.sync = data == "1";
    if (name == "statvfs@openssh.com") found.space = data == "2";
    if (name == "copy-data") found.copy_data = data == "1";
    if (name == "lsetstat@openssh.com") found.lsetstat = data == "1";
    if (name == "limits@openssh.com") found.limits = data == "1";
  }
  return found;
}

Result<void> read_status(const Reply& reply, std::string_view what) {
  if (reply.type == Packet::status) {
    ByteReader in(reply.body());
    if (static_cast<Status>(in.u32()) == Status::ok && in.ok()) return {};
  }
  return refused(reply, what);
}

Result<std::string> read_handle(const Reply& reply, std::string_view what) {
  if (reply.type != Packet::handle) return refused(reply, what);
  ByteReader in(reply.body());
  const std::string_view handle = in.string();
  if (!in.done() || handle.size() > most_handle) return broken(what);
  return std::string(handle);
}

Result<std::optional<ByteSpan>> read_data(const Reply& reply, std::string_view what) {
  if (is_eof(reply)) return std::optional<ByteSpan>();
  if (reply.type != Packet::data) return refused(reply, what);
  ByteReader in(reply.body());
  const ByteSpan data = in.blob();
  // Section 6.4: the end of the file is a STATUS. Taken for it, an empty reply would cut a file short unnoticed.
  if (!in.ok() || data.empty()) return broken(what);
  return std::optional<ByteSpan>(data);
}

Result<FileInfo> read_attributes(const Reply& reply, std::string_view what) {
  if (reply.type != Packet::attrs) return refused(reply, what);
  ByteReader in(reply.body());
  const FileInfo info = take_attributes(in);
  if (!in.ok()) return broken(what);
  return info;
}

Result<std::optional<std::vector<DirectoryEntry>>> read_names(const Reply& reply, std::string_view what) {
  if (is_eof(reply)) return std::optional<std::vector<DirectoryEntry>>();
  if (reply.type != Packet::name) return refused(reply, what);
  ByteReader in(reply.body());
  const std::uint32_t count = in.u32();
  if (!in.ok()) return broken(what);
  std::vector<DirectoryEntry> entries;
  // At least 12 bytes each: a count that is too large fails the reader before it takes memory.
  entries.reserve(std::min<std::size_t>(count, in.rest().size() / 12));
  for (std::uint32_t i = 0; i < count; ++i) {
    DirectoryEntry entry;
    entry.name = std::string(in.string());
    const std::string_view long_name = in.string();
    entry.info = take_attributes(in);
    if (!in.ok()) return broken(what);
    take_long_name(entry.info, long_name);
    entries.push_back(std::move(entry));
  }
  return std::optional(std::move(entries));
}

Result<std::string> read_one_name(const Reply& reply, std::string_view what) {
  if (reply.type != Packet::name) return refused(reply, what);
  ByteReader in(reply.body());
  const std::uint32_t count = in.u32();
  const std::string_view name = in.string();
  if (!in.ok() || count != 1) return broken(what);
  return std::string(name);
}

Result<SpaceInfo> read_space(const Reply& reply, std::string_view what) {
  if (reply.type != Packet::extended_reply) return refused(reply, what);
  ByteReader in(reply.body());
  SpaceInfo space;
  space.block_size = in.u64();
  space.fragment_size = in.u64();
  space.blocks = in.u64();
  space.blocks_free = in.u64();
  space.blocks_available = in.u64();
  space.files = in.u64();
  space.files_free = in.u64();
  space.files_available = in.u64();
  space.filesystem_id = in.u64();
  space.read_only = (in.u64() & 1U) != 0;  // SSH_FXE_STATVFS_ST_RDONLY
  space.name_max = in.u64();
  if (!in.ok()) return broken(what);
  return space;
}

Limits read_limits(const Reply& reply) {
  Limits limits;
  if (reply.type != Packet::extended_reply) return limits;
  ByteReader in(reply.body());
  in.u64();  // of a packet
  const std::uint64_t read = in.u64(), write = in.u64();
  if (!in.ok()) return limits;
  // 0: the server does not say.
  if (read >= 4096) limits.read = std::min(read, most_transfer);
  if (write >= 4096) limits.write = std::min(write, most_transfer);
  return limits;
}

}  // namespace ferry::vfs::sftp
