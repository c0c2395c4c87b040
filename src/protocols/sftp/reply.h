// Composing replies, and sending them in order.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "protocols/sftp/protocol.h"
#include "ssh/channel/channel.h"

namespace ferry::sftp {

// Length, type and id of a reply, then whatever fields() is given.
class ReplyWriter {
 public:
  ReplyWriter(Packet type, std::uint32_t id, std::size_t reserve = 64);
  ByteWriter& fields() { return out_; }
  std::size_t size() const { return out_.size(); }
  // The reply with its length filled in; the writer is spent.
  Bytes finish();

 private:
  ByteWriter out_;
};

// Section 7. `text` is what a person may read.
Bytes status_reply(std::uint32_t id, Status status, std::string_view text);
Bytes status_reply(std::uint32_t id, Status status);
Bytes status_reply(std::uint32_t id, ErrorCode code);
// A NAME with one name and no attributes, as REALPATH and its like answer.
Bytes name_reply(std::uint32_t id, std::string_view name);
// The answer to an unknown or already closed handle.
Bytes invalid_handle(std::uint32_t id);

// Replies on their way out. post() never waits: what finds no room is kept and goes first at the next drain().
class Replies {
 public:
  explicit Replies(ssh::Channel& channel) : channel_(channel) {}

  void post(Bytes reply);
  bool waiting() const { return !unsent_.empty(); }
  // Sends what is kept, waiting for the client's window; drops it when the channel is gone.
  Task<void> drain();

 private:
  ssh::Channel& channel_;
  Bytes unsent_;
};

}  // namespace ferry::sftp
