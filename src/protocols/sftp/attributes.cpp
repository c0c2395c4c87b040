#include "protocols/sftp/attributes.h"

#include <algorithm>
#include <limits>

#include "protocols/sftp/protocol.h"

namespace ferry::sftp {

namespace {

constexpr std::uint32_t mode_bits = 07777;

std::uint32_t wire_time(const vfs::FileTime& time) {
  constexpr std::int64_t last = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(time.seconds, 0, last));
}

}  // namespace

void write_attributes(ByteWriter& out, const vfs::FileInfo& info) {
  out.u32(attr_size | attr_uid_gid | attr_permissions | attr_times);
  out.u64(info.size).u32(info.uid).u32(info.gid).u32(info.posix_mode());
  out.u32(wire_time(info.accessed)).u32(wire_time(info.modified));
}

vfs::AttributeChange read_attributes(ByteReader& in) {
  vfs::AttributeChange change;
  const std::uint32_t flags = in.u32();
  if (flags & attr_size) change.size = in.u64();
  if (flags & attr_uid_gid) {
    const std::uint32_t uid = in.u32();
    const std::uint32_t gid = in.u32();
    change.owner = {.uid = uid, .gid = gid};
  }
  if (flags & attr_permissions) change.mode = in.u32() & mode_bits;
  if (flags & attr_times) {
    const std::uint32_t accessed = in.u32();
    const std::uint32_t modified = in.u32();
    change.times = {.accessed = {.seconds = accessed}, .modified = {.seconds = modified}};
  }
  if (flags & attr_extended) {
    // The count is the client's word; what bounds the loop is the packet's end.
    for (std::uint32_t left = in.u32(); left > 0 && in.ok(); --left) {
      in.blob();
      in.blob();
    }
  }
  return change;
}

}  // namespace ferry::sftp
