#include "protocols/sftp/reply.h"

#include "protocols/sftp/status.h"

namespace ferry::sftp {

ReplyWriter::ReplyWriter(Packet type, std::uint32_t id, std::size_t reserve) : out_(reserve) {
  out_.u32(0).u8(static_cast<std::uint8_t>(type)).u32(id);
}

Bytes ReplyWriter::finish() {
  Bytes reply = out_.take();
  store_u32(reply.data(), static_cast<std::uint32_t>(reply.size() - 4));
  return reply;
}

Bytes status_reply(std::uint32_t id, Status status, std::string_view text) {
  ReplyWriter reply(Packet::status, id);
  reply.fields().u32(static_cast<std::uint32_t>(status)).string(text).string(std::string_view());
  return reply.finish();
}

Bytes status_reply(std::uint32_t id, Status status) { return status_reply(id, status, status_text(status)); }

Bytes status_reply(std::uint32_t id, ErrorCode code) { return status_reply(id, status_of(code), status_text(code)); }

Bytes name_reply(std::uint32_t id, std::string_view name) {
  ReplyWriter reply(Packet::name, id, 32 + 2 * name.size());
  reply.fields().u32(1).string(name).string(name).u32(0);
  return reply.finish();
}

Bytes invalid_handle(std::uint32_t id) { return status_reply(id, Status::failure, "Invalid handle"); }

void Replies::post(Bytes reply) {
  if (reply.empty()) return;
  const std::span<const iovec> room = waiting() ? std::span<const iovec>() : channel_.reserve_output(reply.size());
  if (room.empty()) {
    unsent_.insert(unsent_.end(), reply.begin(), reply.end());
    return;
  }
  const std::byte* from = reply.data();
  for (const iovec& part : room) {
    std::memcpy(part.iov_base, from, part.iov_len);
    from += part.iov_len;
  }
  channel_.commit_output(reply.size());
}

Task<void> Replies::drain() {
  if (unsent_.empty()) co_return;
  const Bytes going = std::move(unsent_);
  unsent_ = Bytes();
  co_await channel_.write(going);
}

}  // namespace ferry::sftp
