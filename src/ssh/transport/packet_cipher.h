// Protection of binary packets, one object a direction (RFC 4253 section 6, RFC 5647, and PROTOCOL and
// PROTOCOL.chacha20poly1305 of OpenSSH).
//
// A packet in memory: u32 packet_length, u8 padding_length, payload, padding; then the tag. Everything
// happens in place.
#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "crypto/secret.h"
#include "ssh/transport/algorithms.h"

namespace ferry::ssh {

// Keys of one direction, as derived (RFC 4253 section 7.2).
struct DirectionKeys {
  crypto::Secret iv, encryption, integrity;
};

// What both directions have in common.
struct PacketShape {
  std::size_t block_size;  // multiple that the counted part of a packet must have; at least 8
  std::size_t tag_size;
  bool length_counts;  // whether packet_length counts to the part that must be a multiple of block_size
  // CBC with a MAC over the plain text: whoever sees when a forged packet is refused learns what a block he put in the
  // place of its length decrypts to. No reader may let that show.
  bool hides_length = false;
};

class PacketSealer {
 public:
  virtual ~PacketSealer() = default;
  const PacketShape& shape() const { return shape_; }
  // Encrypts `packet` (from packet_length to the end of the padding) in place and writes the tag.
  virtual void seal(std::uint32_t sequence, MutableByteSpan packet, std::byte* tag) = 0;

 protected:
  explicit PacketSealer(PacketShape shape) : shape_(shape) {}

 private:
  PacketShape shape_;
};

class PacketOpener {
 public:
  virtual ~PacketOpener() = default;
  const PacketShape& shape() const { return shape_; }
  // Bytes that must be there before open_length may be called.
  std::size_t prefix_size() const { return prefix_size_; }
  // packet_length, not yet authenticated. Called once a packet; may decrypt the prefix in place.
  virtual std::uint32_t open_length(std::uint32_t sequence, MutableByteSpan prefix) = 0;
  // Checks the tag and decrypts the rest of `packet` in place. false: the packet is forged.
  [[nodiscard]] virtual bool open(std::uint32_t sequence, MutableByteSpan packet, const std::byte* tag) = 0;

 protected:
  PacketOpener(PacketShape shape, std::size_t prefix_size) : shape_(shape), prefix_size_(prefix_size) {}

 private:
  PacketShape shape_;
  std::size_t prefix_size_;
};

// Before the first NEWKEYS: nothing is encrypted.
std::unique_ptr<PacketSealer> make_plain_sealer();
std::unique_ptr<PacketOpener> make_plain_opener();
// `mac` is null for authenticated ciphers and required for the others.
std::unique_ptr<PacketSealer> make_sealer(const CipherAlgorithm& cipher, const MacAlgorithm* mac,
                                          const DirectionKeys& keys);
std::unique_ptr<PacketOpener> make_opener(const CipherAlgorithm& cipher, const MacAlgorithm* mac,
                                          const DirectionKeys& keys);

}  // namespace ferry::ssh
