#include "tests/unit/ssh/packet_support.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>

namespace ferry::ssh::test {

std::string Protection::name() const {
  if (plain()) return "none";
  std::string name(cipher->name);
  if (mac != nullptr) name += "_" + std::string(mac->name);
  std::ranges::replace_if(
      name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

std::unique_ptr<PacketSealer> Protection::sealer() const {
  return plain() ? make_plain_sealer() : make_sealer(*cipher, mac, test_keys(*cipher, mac));
}

std::unique_ptr<PacketOpener> Protection::opener() const {
  return plain() ? make_plain_opener() : make_opener(*cipher, mac, test_keys(*cipher, mac));
}

std::vector<Protection> all_protections() {
  std::vector<Protection> all;
  for (const CipherAlgorithm& cipher : cipher_algorithms()) {
    if (cipher.authenticated()) {
      all.push_back({&cipher, nullptr});
      continue;
    }
    // Those that are off by default meet only some of the others: nothing more could disagree.
    for (const MacAlgorithm& mac : mac_algorithms()) {
      const bool enough = cipher.by_default ? mac.by_default || cipher.name == "aes128-ctr"
                                            : mac.hash == crypto::HashAlgorithm::sha256 || cipher.name == "aes128-cbc";
      if (enough) all.push_back({&cipher, &mac});
    }
  }
  return all;
}

std::vector<Protection> all_protections_and_none() {
  std::vector<Protection> all = all_protections();
  all.insert(all.begin(), Protection{});
  return all;
}

DirectionKeys test_keys(const CipherAlgorithm& cipher, const MacAlgorithm* mac) {
  DirectionKeys keys;
  keys.iv = crypto::Secret(pattern(cipher.iv_size, 11));
  keys.encryption = crypto::Secret(pattern(cipher.key_size, 12));
  if (mac != nullptr) keys.integrity = crypto::Secret(pattern(crypto::hash_size(mac->hash), 13));
  return keys;
}

Bytes pattern(std::size_t size, unsigned seed) {
  Bytes bytes(size);
  std::uint32_t state = seed * 2654435761U + 1;
  for (std::byte& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<std::byte>(state >> 24);
  }
  return bytes;
}

Bytes odd_packet(std::uint32_t length, std::uint8_t padding, std::size_t size) {
  Bytes packet(4 + size, std::byte{0x42});
  store_u32(packet.data(), length);
  if (size > 0) packet[4] = std::byte{padding};
  return packet;
}

Bytes plain_packet(const PacketShape& shape, ByteSpan payload) {
  std::size_t padding = 4;
  while ((1 + payload.size() + padding + (shape.length_counts ? 4 : 0)) % shape.block_size != 0) ++padding;
  Bytes packet = ByteWriter()
                     .u32(static_cast<std::uint32_t>(1 + payload.size() + padding))
                     .u8(static_cast<std::uint8_t>(padding))
                     .bytes(payload)
                     .take();
  packet.resize(packet.size() + padding, std::byte{0xee});
  return packet;
}

Bytes sealed_packet(PacketSealer& sealer, std::uint32_t sequence, ByteSpan payload) {
  Bytes packet = plain_packet(sealer.shape(), payload);
  const std::size_t covered = packet.size();
  packet.resize(covered + sealer.shape().tag_size);
  sealer.seal(sequence, MutableByteSpan(packet).first(covered), packet.data() + covered);
  return packet;
}

void feed(PacketInput& input, ByteSpan bytes) {
  while (!bytes.empty()) {
    const MutableByteSpan space = input.space();
    if (space.empty()) throw std::logic_error("no space: packets must be read in between");
    const std::size_t count = std::min(space.size(), bytes.size());
    std::copy_n(bytes.begin(), count, space.begin());
    input.received(count);
    bytes = bytes.subspan(count);
  }
}

Bytes drain(PacketOutput& output) {
  Bytes all;
  while (output.pending() > 0) {
    std::array<iovec, 4> room;
    std::size_t taken = 0;
    for (const iovec& piece : output.pieces(room)) {
      append(all, {static_cast<const std::byte*>(piece.iov_base), piece.iov_len});
      taken += piece.iov_len;
    }
    output.sent(taken);
  }
  return all;
}

}  // namespace ferry::ssh::test
