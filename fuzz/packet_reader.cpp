// The binary packet reader with every cipher and MAC: packets that were sealed rightly around a hostile length,
// padding and payload, and bytes that nobody sealed, in portions of any size.
#include "fuzz/input.h"
#include "tests/unit/ssh/packet_support.h"

using namespace ferry;

namespace {

struct Reader {
  explicit Reader(const ssh::test::Protection& wanted) : protection(wanted) {}

  const ssh::test::Protection& protection;
  std::unique_ptr<ssh::PacketSealer> sealer = protection.sealer();
  std::unique_ptr<ssh::PacketOpener> opener = protection.opener();
  ssh::PacketInput input;
  std::uint32_t sequence = 0;
  std::size_t opened = 0;

  // False once the connection would have ended.
  bool feed(ByteSpan bytes) {
    while (!bytes.empty()) {
      const MutableByteSpan space = input.space();
      fuzz::require(!space.empty());
      const std::size_t count = std::min(space.size(), bytes.size());
      std::copy_n(bytes.begin(), count, space.begin());
      input.received(count);
      bytes = bytes.subspan(count);
      if (!take_packets()) return false;
    }
    input.shrink();
    return true;
  }

  bool take_packets() {
    while (true) {
      Result<std::optional<MutableByteSpan>> packet =
          input.next(*opener, sequence, ssh::PacketInput::longest_before_auth);
      if (!packet) return false;
      if (!*packet) return true;
      fuzz::require(!(*packet)->empty() && (*packet)->size() <= ssh::PacketInput::longest_before_auth);
      for (std::byte& byte : **packet) byte ^= std::byte{1};  // all of it is there, and ours to change
      ++sequence;
      ++opened;
    }
  }
};

// A packet whose fields are as the input says, sealed as the peer would.
Bytes hostile_packet(ssh::PacketSealer& sealer, std::uint32_t sequence, fuzz::Input& in) {
  const ssh::PacketShape& shape = sealer.shape();
  const std::uint8_t kind = in.byte();
  Bytes packet = ssh::test::plain_packet(shape, in.message());
  if (kind & 1U) packet[4] = std::byte{in.byte()};
  if (kind & 2U) store_u32(packet.data(), in.two());
  const std::size_t covered = packet.size();
  packet.resize(covered + shape.tag_size);
  sealer.seal(sequence, MutableByteSpan(packet).first(covered), packet.data() + covered);
  return packet;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<ssh::test::Protection> all = ssh::test::all_protections_and_none();
  fuzz::Input in(data, size);
  Reader reader(all[in.byte() % all.size()]);
  const std::size_t portion = std::size_t{in.byte()} + 1;
  std::uint32_t sent = 0;
  while (!in.empty()) {
    if (in.byte() % 4 == 0) {
      // Nobody sealed this: a cipher lets none of it through.
      const std::size_t before = reader.opened;
      const bool boundary = reader.input.unread().empty();
      const bool alive = reader.feed(in.message());
      fuzz::require(reader.protection.plain() || !boundary || reader.opened == before);
      if (!alive) return 0;
      continue;
    }
    const Bytes packet = hostile_packet(*reader.sealer, sent++, in);
    for (ByteSpan rest = packet; !rest.empty(); rest = rest.subspan(std::min(portion, rest.size()))) {
      if (!reader.feed(rest.first(std::min(portion, rest.size())))) return 0;
    }
  }
  return 0;
}
