#include "ssh/transport/packet_output.h"

#include <algorithm>

#include "crypto/secret.h"

namespace ferry::ssh {

namespace {

constexpr std::size_t length_field = 4;
constexpr std::size_t header_size = 5;  // packet_length and padding_length
constexpr std::size_t shortest_padding = 4;

std::size_t padding_for(const PacketShape& shape, std::size_t payload_size) {
  const std::size_t counted = payload_size + (shape.length_counts ? header_size : header_size - length_field);
  std::size_t padding = shape.block_size - counted % shape.block_size;
  if (padding < shortest_padding) padding += shape.block_size;
  return padding;
}

}  // namespace

std::size_t sealed_size(const PacketShape& shape, std::size_t payload_size) {
  return header_size + payload_size + padding_for(shape, payload_size) + shape.tag_size;
}

PacketOutput::PacketOutput() { crypto::random_bytes(padding_); }

void PacketOutput::make_room(std::size_t size) {
  if (!blocks_.empty() && blocks_.back().block->capacity() - blocks_.back().end >= size) return;
  blocks_.push_back({BlockRef::acquire(Block::large_size), 0, 0});
}

PacketOutput::Slot PacketOutput::lay_out(const PacketSealer& sealer, std::size_t payload_size) {
  const std::size_t size = sealed_size(sealer.shape(), payload_size);
  make_room(size);
  Piece& piece = blocks_.back();
  const Slot slot{piece.block->data() + piece.end + header_size, payload_size, blocks_.size() - 1, piece.end};
  piece.end += size;
  return slot;
}

void PacketOutput::seal(PacketSealer& sealer, std::uint32_t sequence, const Slot& slot, std::size_t payload_size) {
  if (payload_size < slot.payload_size) {
    give_back(slot);
    blocks_[slot.block].end = slot.offset + sealed_size(sealer.shape(), payload_size);
  }
  const std::size_t padding = padding_for(sealer.shape(), payload_size);
  std::byte* const packet = slot.payload - header_size;
  store_u32(packet, static_cast<std::uint32_t>(1 + payload_size + padding));
  packet[length_field] = static_cast<std::byte>(padding);
  std::copy_n(padding_.begin(), padding, slot.payload + payload_size);
  const std::size_t covered = header_size + payload_size + padding;
  sealer.seal(sequence, {packet, covered}, packet + covered);
  pending_ += covered + sealer.shape().tag_size;
}

void PacketOutput::give_back(const Slot& slot) {
  blocks_.resize(slot.block + 1);
  blocks_[slot.block].end = slot.offset;
}

void PacketOutput::append_raw(ByteSpan bytes) {
  make_room(bytes.size());
  Piece& piece = blocks_.back();
  std::copy(bytes.begin(), bytes.end(), piece.block->data() + piece.end);
  piece.end += bytes.size();
  pending_ += bytes.size();
}

std::span<const iovec> PacketOutput::pieces(std::span<iovec> into) const {
  std::size_t count = 0;
  for (const Piece& piece : blocks_) {
    if (count == into.size()) break;
    if (piece.begin == piece.end) continue;
    into[count++] = {piece.block->data() + piece.begin, piece.end - piece.begin};
  }
  return into.first(count);
}

void PacketOutput::sent(std::size_t count) {
  pending_ -= count;
  std::size_t done = 0;
  while (done < blocks_.size()) {
    Piece& piece = blocks_[done];
    const std::size_t taken = std::min(count, piece.end - piece.begin);
    piece.begin += taken;
    count -= taken;
    if (piece.begin != piece.end) break;
    ++done;
  }
  blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(done));
}

}  // namespace ferry::ssh
