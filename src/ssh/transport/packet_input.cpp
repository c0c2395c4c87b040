#include "ssh/transport/packet_input.h"

#include <algorithm>
#include <cstring>

namespace ferry::ssh {

namespace {
constexpr std::size_t length_size = 4;
constexpr std::size_t least_padding = 4;  // RFC 4253 section 6
// When less than this is left behind the unread bytes, the block is near its end.
constexpr std::size_t least_space = Block::large_size / 4;
}  // namespace

MutableByteSpan PacketInput::space() {
  if (!block_) {
    block_ = BlockRef::acquire(Block::large_size);
    begin_ = end_ = 0;
  } else if (begin_ == end_ && block_.unique() && block_->capacity() == Block::large_size) {
    begin_ = end_ = 0;
  } else if (block_->capacity() - end_ < least_space && (begin_ > 0 || block_->capacity() != Block::large_size)) {
    // The packet on its way is finished here and no more is taken: then nothing needs to move.
    const std::size_t missing = packet_size_ > available() ? packet_size_ - available() : 0;
    if (missing > 0 && missing <= block_->capacity() - end_) return {block_->data() + end_, missing};
    relocate(Block::large_size);
  }
  return {block_->data() + end_, block_->capacity() - end_};
}

void PacketInput::received(std::size_t count) { end_ += count; }

ByteSpan PacketInput::unread() const { return block_ ? ByteSpan(block_->data() + begin_, available()) : ByteSpan(); }

void PacketInput::relocate(std::size_t capacity) {
  const std::size_t count = available();
  if (block_.unique() && block_->capacity() == capacity) {
    std::memmove(block_->data(), block_->data() + begin_, count);
  } else {
    BlockRef fresh = BlockRef::acquire(capacity);
    std::memcpy(fresh->data(), block_->data() + begin_, count);
    block_ = std::move(fresh);
  }
  begin_ = 0;
  end_ = count;
}

void PacketInput::shrink() {
  if (!block_) return;
  if (begin_ == end_) {
    block_.reset();
  } else if (block_->capacity() > Block::small_size && available() <= Block::small_size) {
    relocate(Block::small_size);
  }
}

Result<std::optional<MutableByteSpan>> PacketInput::refuse(const PacketShape& shape, std::uint32_t longest_allowed,
                                                           const char* what) {
  if (!shape.hides_length) return fail(ErrorCode::protocol_error, what);
  to_discard_ = longest_allowed;
  packet_size_ = 0;
  return discard();
}

Result<std::optional<MutableByteSpan>> PacketInput::discard() {
  const std::size_t count = std::min(*to_discard_, available());
  begin_ += count;
  *to_discard_ -= count;
  if (*to_discard_ == 0) return fail(ErrorCode::protocol_error, "packet integrity check failed");
  return std::nullopt;
}

Result<std::optional<MutableByteSpan>> PacketInput::next(PacketOpener& opener, std::uint32_t sequence,
                                                         std::uint32_t longest_allowed) {
  if (to_discard_) return discard();
  const PacketShape& shape = opener.shape();
  if (!block_ || available() < opener.prefix_size()) return std::nullopt;
  std::byte* const packet = block_->data() + begin_;
  if (!length_) {
    const std::uint32_t length = opener.open_length(sequence, {packet, opener.prefix_size()});
    const std::size_t counted = length + (shape.length_counts ? length_size : 0);
    if (length > longest_allowed || counted < shape.block_size || counted % shape.block_size != 0 ||
        length < 1 + least_padding) {
      return refuse(shape, longest_allowed, "bad packet length");
    }
    length_ = length;
    packet_size_ = length_size + length + shape.tag_size;
  }
  const std::size_t covered = length_size + *length_;
  if (available() < covered + shape.tag_size) return std::nullopt;

  if (!opener.open(sequence, {packet, covered}, packet + covered)) {
    return refuse(shape, longest_allowed, "packet integrity check failed");
  }
  const std::size_t padding = std::to_integer<std::size_t>(packet[length_size]);
  if (padding < least_padding || padding + 1 >= *length_) return fail(ErrorCode::protocol_error, "bad padding length");
  const MutableByteSpan payload(packet + length_size + 1, *length_ - 1 - padding);
  begin_ += covered + shape.tag_size;
  length_.reset();
  packet_size_ = 0;
  return payload;
}

}  // namespace ferry::ssh
