#include "protocols/sftp/reader.h"

#include <algorithm>

namespace ferry::sftp {

namespace {

// Length, type, id; handle (section 6.2: at most 256 bytes), offset, length of the data.
constexpr std::size_t write_prefix = 9 + (4 + 256) + 8 + 4;
// A gather buffer larger than this is given back with the request it was needed for.
constexpr std::size_t kept_gather_size = 16 * 1024;

}  // namespace

FrameState frame_at(FragmentCursor cursor, std::size_t available, Bytes& gathered, Request& request) {
  std::byte head[5];
  if (available < sizeof head) return FrameState::incomplete;
  FragmentCursor start = cursor;
  if (!start.read(head)) return FrameState::incomplete;
  const std::uint32_t length = load_u32(head);
  if (length < 5 || length > max_request) return FrameState::broken;
  if (available - 4 < length) return FrameState::incomplete;

  request.type = static_cast<Packet>(head[4]);
  request.size = 4 + std::size_t{length};
  const std::size_t wanted = request.type == Packet::write ? std::min(request.size, write_prefix) : request.size;
  ByteSpan frame = cursor.contiguous(wanted);
  if (frame.empty()) {
    gathered.resize(wanted);
    if (!cursor.read(gathered)) return FrameState::incomplete;
    frame = gathered;
  }
  request.id = load_u32(frame.data() + 5);
  request.fields = ByteReader(frame.subspan(9));
  return FrameState::complete;
}

FrameState RequestReader::poll() {
  if (request_.size > 0) consume(request_.size);
  if (gathered_.capacity() > kept_gather_size) gathered_ = Bytes();
  Request next;
  const FrameState state = frame_at(FragmentCursor(channel_.input()), channel_.input_size(), gathered_, next);
  if (state == FrameState::complete) request_ = next;
  return state;
}

void RequestReader::consume(std::size_t count) {
  channel_.consume(count);
  request_ = {};
}

}  // namespace ferry::sftp
