// Packets composed where they will be sent from, encrypted in place, many to a send.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "ssh/transport/block.h"
#include "ssh/transport/packet_cipher.h"

namespace ferry::ssh {

class PacketOutput {
 public:
  PacketOutput();

  // Room for one packet with up to `payload_size` payload bytes (at most PacketInput::longest). Several may be
  // laid out before the first is sealed; they are sealed in the same order, and nothing else comes between.
  struct Slot {
    std::byte* payload;
    std::size_t payload_size;
    std::size_t block;   // index into blocks_
    std::size_t offset;  // of packet_length in that block
  };
  Slot lay_out(const PacketSealer& sealer, std::size_t payload_size);
  // Pads and encrypts. `payload_size` may be smaller than laid out for the last slot sealed: the room left,
  // and all slots behind it, are given back.
  void seal(PacketSealer& sealer, std::uint32_t sequence, const Slot& slot, std::size_t payload_size);
  // Gives `slot` and everything behind it back.
  void give_back(const Slot& slot);

  // Bytes as they are, for the version line.
  void append_raw(ByteSpan bytes);

  // Bytes ready to be sent.
  std::size_t pending() const { return pending_; }
  std::span<const iovec> pieces(std::span<iovec> into) const;
  void sent(std::size_t count);

 private:
  struct Piece {
    BlockRef block;
    std::size_t begin, end;
  };
  void make_room(std::size_t size);

  std::vector<Piece> blocks_;
  std::size_t pending_ = 0;
  // RFC 4253 section 6 wants padding random. It hides nothing inside an authenticated cipher, so one draw a
  // connection serves all its packets instead of a system call for each.
  std::array<std::byte, 32> padding_;
};

// packet_length .. tag of a packet with that payload.
std::size_t sealed_size(const PacketShape& shape, std::size_t payload_size);

}  // namespace ferry::ssh
