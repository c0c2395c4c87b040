// What the tests of packets share: every protection, keys for it, packets built by hand, bytes in and out.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ssh/transport/packet_cipher.h"
#include "ssh/transport/packet_input.h"
#include "ssh/transport/packet_output.h"

namespace ferry::ssh::test {

// A cipher with its MAC; null stands for the authenticated ciphers' own, and a null cipher for no encryption.
struct Protection {
  const CipherAlgorithm* cipher = nullptr;
  const MacAlgorithm* mac = nullptr;

  std::string name() const;  // letters, digits and underscores
  std::unique_ptr<PacketSealer> sealer() const;
  std::unique_ptr<PacketOpener> opener() const;
  bool plain() const { return cipher == nullptr; }
};
std::vector<Protection> all_protections();           // every cipher with every MAC that it needs
std::vector<Protection> all_protections_and_none();  // and no encryption

// Fixed keys of the right sizes.
DirectionKeys test_keys(const CipherAlgorithm& cipher, const MacAlgorithm* mac);

// `size` bytes that differ from place to place and with `seed`.
Bytes pattern(std::size_t size, unsigned seed = 1);

// u32 packet_length, u8 padding_length, payload, padding of bytes 0xee: whole, not encrypted.
Bytes plain_packet(const PacketShape& shape, ByteSpan payload);
// The same with a length and a padding length as given, whatever they should be; `size` bytes after the length.
Bytes odd_packet(std::uint32_t length, std::uint8_t padding, std::size_t size);
// plain_packet, sealed.
Bytes sealed_packet(PacketSealer& sealer, std::uint32_t sequence, ByteSpan payload);

// Copies all of `bytes` into the input's space.
void feed(PacketInput& input, ByteSpan bytes);
// All that is ready to be sent, taken out.
Bytes drain(PacketOutput& output);

inline Bytes copy(ByteSpan bytes) { return {bytes.begin(), bytes.end()}; }
inline void append(Bytes& to, ByteSpan more) { to.insert(to.end(), more.begin(), more.end()); }

}  // namespace ferry::ssh::test
