// Bytes in, packets out: one large receive block, packets decrypted where they lie.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/error.h"
#include "ssh/transport/block.h"
#include "ssh/transport/packet_cipher.h"

namespace ferry::ssh {

class PacketInput {
 public:
  // packet_length that is accepted: RFC 4253 section 6.1 asks for 35000; before authentication no more than that.
  static constexpr std::uint32_t longest_before_auth = 35000;
  static constexpr std::uint32_t longest = 256 * 1024;

  // Where the next bytes are to be received: never empty.
  MutableByteSpan space();
  void received(std::size_t count);

  // All bytes not yet taken, for the version exchange; skip() takes some.
  ByteSpan unread() const;
  void skip(std::size_t count) { begin_ += count; }

  // The next whole packet's payload, decrypted in place; valid while its block() is held, or else until space().
  // No value: more bytes are needed. protocol_error: length, padding or tag are wrong, the connection must end. Where
  // the cipher's shape says that it hides the length, that is told only after as many bytes as the longest packet has.
  Result<std::optional<MutableByteSpan>> next(PacketOpener& opener, std::uint32_t sequence,
                                              std::uint32_t longest_allowed);
  // The block in which the last packet lies.
  const BlockRef& block() const { return block_; }

  // Called before the connection waits: gives the block back, or keeps only a small one for a partial packet.
  void shrink();

 private:
  void relocate(std::size_t capacity);
  Result<std::optional<MutableByteSpan>> refuse(const PacketShape& shape, std::uint32_t longest_allowed,
                                                const char* what);
  Result<std::optional<MutableByteSpan>> discard();
  std::size_t available() const { return end_ - begin_; }

  BlockRef block_;
  std::size_t begin_ = 0, end_ = 0;
  std::optional<std::uint32_t> length_;    // of the packet at begin_, once its prefix was opened
  std::size_t packet_size_ = 0;            // of that packet, tag included; 0 before its length is known
  std::optional<std::size_t> to_discard_;  // a forged packet was met: what is still to come before that shows
};

}  // namespace ferry::ssh
