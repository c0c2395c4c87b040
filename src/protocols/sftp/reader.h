// Puts requests together from a channel's fragments.
//
//   RequestReader reader(channel);
//   while (reader.poll() == FrameState::complete) answer(reader.request());
//
// Section 3 of the draft: u32 length, u8 type, u32 request id, the type's fields. The length is checked
// before anything is waited for or copied. A request in one fragment is not copied at all; of a WRITE only
// the fields before its data are ever looked at here.
#pragma once

#include "base/bytes.h"
#include "protocols/sftp/fragments.h"
#include "protocols/sftp/protocol.h"
#include "ssh/channel/channel.h"

namespace ferry::sftp {

struct Request {
  Packet type{};
  std::uint32_t id = 0;  // INIT has its version here
  ByteReader fields;     // what follows the id; of a WRITE at least all before its data
  std::size_t size = 0;  // of the whole request in the input, its length field included
};

enum class FrameState : std::uint8_t {
  complete,
  incomplete,  // more input is needed
  broken,      // a length that cannot be: the stream has no meaning from here on
};

// The request at the start of `available` bytes of input at `cursor`. Its fields view the fragments, or
// `gathered` where they cross from one fragment to the next.
FrameState frame_at(FragmentCursor cursor, std::size_t available, Bytes& gathered, Request& request);

class RequestReader {
 public:
  explicit RequestReader(ssh::Channel& channel) : channel_(channel) {}

  // Drops the request before, unless consume() did, and looks for the next one.
  FrameState poll();
  // Valid until the next poll() or consume().
  const Request& request() const { return request_; }
  // Drops `count` bytes of input: the current request and maybe others after it that were answered with it.
  void consume(std::size_t count);

 private:
  ssh::Channel& channel_;
  Request request_;
  Bytes gathered_;
};

}  // namespace ferry::sftp
