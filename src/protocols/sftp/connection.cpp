#include "protocols/sftp/connection.h"

namespace ferry::sftp {

Bytes handle_reply(Connection& connection, std::uint32_t id, Handle handle) {
  const Bytes name = connection.handles.add(std::move(handle));
  ReplyWriter reply(Packet::handle, id);
  reply.fields().string(name);
  return reply.finish();
}

// One session may have several channels, so its own count is asked as well as this channel's.
Result<void> may_open(const Connection& connection) {
  if (connection.handles.full() || connection.session.open_handles() >= connection.options.max_handles) {
    return fail(ErrorCode::limit_exceeded, "too many open handles");
  }
  return {};
}

}  // namespace ferry::sftp
