// PacketInput and PacketOutput: bytes in any pieces, packets of any size.
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/ssh/packet_support.h"

namespace ferry::ssh::test {
namespace {

constexpr std::uint32_t most = PacketInput::longest;

class PacketIo : public testing::TestWithParam<Protection> {
 protected:
  struct Stream {
    std::vector<Bytes> payloads;
    Bytes bytes;
  };
  static Stream make_stream(std::initializer_list<std::size_t> sizes) {
    Stream stream;
    const auto sealer = GetParam().sealer();
    std::uint32_t sequence = 0;
    for (const std::size_t size : sizes) {
      stream.payloads.push_back(pattern(size, sequence + 1));
      append(stream.bytes, sealed_packet(*sealer, sequence++, stream.payloads.back()));
    }
    return stream;
  }
};

// Reads packets and keeps them where they lie, as channels do.
struct Reader {
  explicit Reader(const Protection& protection) : opener(protection.opener()) {}
  // Everything that is whole.
  void read_all() {
    while (true) {
      const auto packet = input.next(*opener, sequence, most);
      ASSERT_TRUE(packet) << packet.error().message;
      if (!*packet) return;
      ++sequence;
      copies.push_back(copy(**packet));
      if (pin) pinned.emplace_back(**packet, input.block());
    }
  }
  // Receives `bytes` in pieces of at most `piece`, as recv fills the space that there is, and reads between them.
  void take(ByteSpan bytes, std::size_t piece = Block::large_size) {
    while (!bytes.empty()) {
      const std::size_t count = std::min({piece, bytes.size(), input.space().size()});
      feed(input, bytes.first(count));
      bytes = bytes.subspan(count);
      ASSERT_NO_FATAL_FAILURE(read_all());
      if (shrink_between) input.shrink();
    }
  }
  PacketInput input;
  std::unique_ptr<PacketOpener> opener;
  std::uint32_t sequence = 0;
  bool pin = false;
  bool shrink_between = false;
  std::vector<Bytes> copies;
  std::vector<std::pair<MutableByteSpan, BlockRef>> pinned;
};

TEST_P(PacketIo, StreamCutAtEveryByte) {
  const Stream stream = make_stream({1, 5, 32, 100, 7, 300});
  for (std::size_t cut = 0; cut <= stream.bytes.size(); ++cut) {
    for (const bool shrink : {false, true}) {
      Reader reader(GetParam());
      reader.take(ByteSpan(stream.bytes).first(cut));
      if (shrink) reader.input.shrink();
      reader.take(ByteSpan(stream.bytes).subspan(cut));
      ASSERT_EQ(reader.copies, stream.payloads) << "cut at " << cut << (shrink ? " with shrink" : "");
    }
  }
}

TEST_P(PacketIo, StreamByteByByte) {
  const Stream stream = make_stream({1, 40, 1000, 3, 9000});
  for (const bool shrink : {false, true}) {
    Reader reader(GetParam());
    reader.shrink_between = shrink;
    reader.take(stream.bytes, 1);
    EXPECT_EQ(reader.copies, stream.payloads);
  }
}

TEST_P(PacketIo, PinnedPayloadsOutliveTheBlocks) {
  const auto sealer = GetParam().sealer();
  Reader reader(GetParam());
  reader.pin = true;
  Bytes rest;
  for (std::uint32_t sequence = 0; sequence < 80; ++sequence) {
    append(rest, sealed_packet(*sealer, sequence, pattern(1 + sequence * 977 % 40'000, sequence + 1)));
    if (sequence % 7 != 0) continue;  // cuts that fall anywhere
    feed(reader.input, ByteSpan(rest).first(rest.size() - 11));
    rest.erase(rest.begin(), rest.end() - 11);
    reader.read_all();
    if (sequence % 2 == 0) reader.input.shrink();
  }
  reader.take(rest);
  ASSERT_EQ(reader.pinned.size(), 80U);
  for (std::size_t i = 0; i < reader.pinned.size(); ++i) {
    EXPECT_EQ(copy(reader.pinned[i].first), pattern(1 + i * 977 % 40'000, static_cast<unsigned>(i + 1))) << i;
  }
}

TEST_P(PacketIo, ManyPacketsInOneBlock) {
  const auto sealer = GetParam().sealer();
  PacketOutput output;
  for (std::uint32_t i = 0; i < 3000; ++i) {
    const Bytes payload = pattern(1 + i % 90, i);
    const auto slot = output.lay_out(*sealer, payload.size());
    std::ranges::copy(payload, slot.payload);
    output.seal(*sealer, i, slot, payload.size());
  }
  Reader reader(GetParam());
  reader.take(drain(output));
  ASSERT_EQ(reader.copies.size(), 3000U);
  for (std::uint32_t i = 0; i < 3000; ++i) ASSERT_EQ(reader.copies[i], pattern(1 + i % 90, i));
}

// The largest packet there may be, several times, in small pieces and large ones.
TEST_P(PacketIo, LargestPackets) {
  const auto sealer = GetParam().sealer();
  const std::size_t counted = sealer->shape().length_counts ? 4 : 0;
  const std::size_t length = (most + counted) / sealer->shape().block_size * sealer->shape().block_size - counted;
  const std::size_t size = length - 1 - 4;
  Bytes bytes;
  for (std::uint32_t i = 0; i < 5; ++i) append(bytes, sealed_packet(*sealer, i, pattern(size, i)));
  for (const std::size_t piece : {997UL, 65'536UL, bytes.size()}) {
    Reader reader(GetParam());
    reader.shrink_between = piece == 997;
    reader.take(bytes, piece);
    ASSERT_EQ(reader.copies.size(), 5U);
    for (std::uint32_t i = 0; i < 5; ++i) ASSERT_EQ(reader.copies[i], pattern(size, i));
  }
}

TEST_P(PacketIo, NeverWithoutSpace) {
  const auto sealer = GetParam().sealer();
  const Bytes packet = sealed_packet(*sealer, 0, pattern(200'000));
  Reader reader(GetParam());
  for (const std::byte& byte : ByteSpan(packet).first(packet.size() - 1)) {
    const MutableByteSpan space = reader.input.space();
    ASSERT_FALSE(space.empty());
    space[0] = byte;
    reader.input.received(1);
  }
  reader.read_all();
  EXPECT_TRUE(reader.copies.empty());
}

Result<std::optional<MutableByteSpan>> open_odd(const Protection& protection, PacketInput& input, Bytes packet,
                                                std::uint32_t longest) {
  const auto sealer = protection.sealer();
  const std::size_t covered = packet.size();
  packet.resize(covered + sealer->shape().tag_size);
  sealer->seal(0, MutableByteSpan(packet).first(covered), packet.data() + covered);
  const auto opener = protection.opener();
  feed(input, packet);
  auto opened = input.next(*opener, 0, longest);
  // Some tell only after as many bytes as the longest packet has.
  for (std::size_t fed = packet.size(); opened && !*opened && fed < longest; fed += 1000) {
    feed(input, Bytes(1000));
    opened = input.next(*opener, 0, longest);
  }
  return opened;
}

// RFC 4253 section 6: a length that is no multiple of the block size, below the least or above the limit.
TEST_P(PacketIo, RefusesBadLengths) {
  const PacketShape shape = GetParam().sealer()->shape();
  const std::size_t counted = shape.length_counts ? 4 : 0;
  std::vector<std::uint32_t> lengths{0,          1,          2,          3,          4,        0x7fffffff,
                                     0x80000000, 0xfffffffc, 0xffffffff, 0xfffffff0, most + 32};
  for (std::uint32_t length = 5; length < 300; ++length) {
    if ((length + counted) % shape.block_size != 0) lengths.push_back(length);
  }
  const auto next_multiple = [&](std::uint32_t above) {
    return static_cast<std::uint32_t>((above + counted) / shape.block_size * shape.block_size + shape.block_size -
                                      counted);
  };
  lengths.push_back(next_multiple(most));
  for (const std::uint32_t length : lengths) {
    PacketInput input;
    const auto opened = open_odd(GetParam(), input, odd_packet(length, 4, 512 - counted), most);
    ASSERT_FALSE(opened) << length;
    EXPECT_EQ(opened.error().code, ErrorCode::protocol_error);
  }
}

// The bytes that the reader takes before it refuses what begins with these, and what it says then.
std::pair<std::size_t, std::string> refusal_of(const Protection& protection, const Bytes& bytes) {
  PacketInput input;
  const auto opener = protection.opener();
  for (std::size_t taken = 0;;) {
    const auto opened = input.next(*opener, 0, PacketInput::longest_before_auth);
    if (!opened) return {taken, opened.error().message};
    if (*opened) return {taken, "accepted"};
    feed(input, Bytes{taken < bytes.size() ? bytes[taken] : std::byte{0x5a}});
    ++taken;
  }
}

// Where a cipher hides the length, a forger must not learn what his blocks decrypt to: refusals all look alike,
// whether the length, the MAC or both are wrong (the attack of Albrecht, Paterson and Watson).
TEST_P(PacketIo, RefusalsDoNotTellTheLength) {
  const auto shape = GetParam().sealer()->shape();
  const bool cbc =
      !GetParam().plain() && !GetParam().cipher->authenticated() && GetParam().cipher->kind != CipherKind::aes_ctr;
  ASSERT_EQ(shape.hides_length, cbc && !GetParam().mac->encrypt_then_mac);
  if (!shape.hides_length) return;
  Bytes wrong_tag = sealed_packet(*GetParam().sealer(), 0, pattern(500));
  wrong_tag.back() ^= std::byte{1};
  const auto expected = refusal_of(GetParam(), wrong_tag);
  EXPECT_EQ(expected.first, PacketInput::longest_before_auth);
  Bytes wrong_padding = sealed_packet(*GetParam().sealer(), 0, pattern(20));
  wrong_padding[20] ^= std::byte{1};
  EXPECT_EQ(refusal_of(GetParam(), wrong_padding), expected);
  for (unsigned seed = 0; seed < 50; ++seed) EXPECT_EQ(refusal_of(GetParam(), pattern(64, seed)), expected) << seed;
  const Bytes genuine = sealed_packet(*GetParam().sealer(), 0, pattern(500));
  EXPECT_EQ(refusal_of(GetParam(), genuine), std::pair(genuine.size(), std::string("accepted")));
}

TEST_P(PacketIo, LimitsLengthsBeforeAuthenticationToLess) {
  const PacketShape shape = GetParam().sealer()->shape();
  const std::size_t counted = shape.length_counts ? 4 : 0;
  const auto allowed = static_cast<std::uint32_t>(
      (PacketInput::longest_before_auth + counted) / shape.block_size * shape.block_size - counted);
  for (const bool above : {false, true}) {
    const auto length = static_cast<std::uint32_t>(allowed + (above ? shape.block_size : 0));
    PacketInput input;
    const auto opened = open_odd(GetParam(), input, odd_packet(length, 4, length), PacketInput::longest_before_auth);
    EXPECT_EQ(opened.has_value(), !above);
    if (opened) {
      EXPECT_TRUE(opened->has_value());
    }
  }
}

// Padding is at least 4 and leaves a payload of at least one byte, the message number.
TEST_P(PacketIo, RefusesBadPadding) {
  const PacketShape shape = GetParam().sealer()->shape();
  const auto length = static_cast<std::uint32_t>(64 - (shape.length_counts ? 4 : 0));
  for (unsigned padding = 0; padding < 256; ++padding) {
    PacketInput input;
    const auto opened =
        open_odd(GetParam(), input, odd_packet(length, static_cast<std::uint8_t>(padding), length), most);
    const bool good = padding >= 4 && padding <= length - 2;
    ASSERT_EQ(opened.has_value(), good) << padding;
    if (good) {
      EXPECT_EQ((*opened)->size(), length - 1 - padding);
    }
  }
}

TEST_P(PacketIo, ShrinkKeepsWhatIsUnread) {
  const Stream stream = make_stream({50, 5000});
  const std::size_t second = stream.bytes.size() - 5000;
  for (const std::size_t cut : {second, second + 300, stream.bytes.size() - 1}) {
    Reader reader(GetParam());
    reader.take(ByteSpan(stream.bytes).first(cut));
    const Bytes before = copy(reader.input.unread());
    reader.input.shrink();
    reader.input.shrink();
    EXPECT_EQ(copy(reader.input.unread()), before);
    if (before.size() <= Block::small_size) {
      EXPECT_EQ(reader.input.block()->capacity(), Block::small_size);
    }
    reader.take(ByteSpan(stream.bytes).subspan(cut));
    EXPECT_EQ(reader.copies, stream.payloads);
  }
  Reader reader(GetParam());
  reader.input.shrink();
  EXPECT_FALSE(reader.input.block());
  reader.take(stream.bytes);
  reader.input.shrink();
  EXPECT_FALSE(reader.input.block()) << "an idle connection holds no block";
}

// --- output ---

TEST_P(PacketIo, SealedInOrderAcrossBlocks) {
  const auto sealer = GetParam().sealer();
  PacketOutput output;
  std::vector<PacketOutput::Slot> slots;
  for (unsigned i = 0; i < 30; ++i) {
    slots.push_back(output.lay_out(*sealer, 33'000));
    std::ranges::copy(pattern(33'000, i), slots.back().payload);
  }
  EXPECT_EQ(output.pending(), 0U) << "nothing may be sent before it is sealed";
  for (std::uint32_t i = 0; i < 30; ++i) output.seal(*sealer, i, slots[i], 33'000);
  EXPECT_EQ(output.pending(), 30 * sealed_size(sealer->shape(), 33'000));
  Reader reader(GetParam());
  reader.take(drain(output));
  ASSERT_EQ(reader.copies.size(), 30U);
  for (unsigned i = 0; i < 30; ++i) ASSERT_EQ(reader.copies[i], pattern(33'000, i));
}

TEST_P(PacketIo, ShorterSealGivesTheRestBack) {
  for (std::size_t sealed = 0; sealed < 12; ++sealed) {
    for (const std::size_t used : {1UL, 2UL, 20'000UL, 32'999UL}) {
      const auto sealer = GetParam().sealer();
      PacketOutput output;
      std::uint32_t sequence = 0;
      const auto add = [&](const Bytes& payload) {
        const auto slot = output.lay_out(*sealer, payload.size());
        std::ranges::copy(payload, slot.payload);
        output.seal(*sealer, sequence++, slot, payload.size());
      };
      add(pattern(10, 1));
      std::vector<PacketOutput::Slot> slots;
      for (unsigned i = 0; i < 12; ++i) {
        slots.push_back(output.lay_out(*sealer, 33'000));
        std::ranges::copy(pattern(33'000, 100 + i), slots.back().payload);
      }
      for (std::size_t i = 0; i < sealed; ++i) output.seal(*sealer, sequence++, slots[i], 33'000);
      output.seal(*sealer, sequence++, slots[sealed], used);
      add(pattern(77, 2));
      Reader reader(GetParam());
      reader.take(drain(output));
      ASSERT_EQ(reader.copies.size(), sealed + 3);
      for (unsigned i = 0; i < sealed; ++i) ASSERT_EQ(reader.copies[i + 1], pattern(33'000, 100 + i));
      Bytes cut = pattern(33'000, 100 + static_cast<unsigned>(sealed));
      cut.resize(used);
      EXPECT_EQ(reader.copies[sealed + 1], cut);
      EXPECT_EQ(reader.copies[sealed + 2], pattern(77, 2));
    }
  }
}

TEST_P(PacketIo, GiveBackLeavesNothing) {
  const auto sealer = GetParam().sealer();
  PacketOutput output;
  const auto first = output.lay_out(*sealer, 200'000);
  output.lay_out(*sealer, 200'000);
  output.lay_out(*sealer, 200'000);
  output.give_back(first);
  EXPECT_EQ(output.pending(), 0U);
  std::array<iovec, 4> room;
  EXPECT_TRUE(output.pieces(room).empty());
  const auto slot = output.lay_out(*sealer, 3);
  std::ranges::copy(pattern(3), slot.payload);
  output.seal(*sealer, 0, slot, 3);
  Reader reader(GetParam());
  reader.take(drain(output));
  EXPECT_EQ(reader.copies, std::vector<Bytes>{pattern(3)});
}

TEST_P(PacketIo, SentInAnyPieces) {
  std::mt19937 random(7);
  for (const std::size_t room_size : {1UL, 2UL, 8UL}) {
    const auto sealer = GetParam().sealer();
    PacketOutput output;
    Bytes wire;
    std::uint32_t sequence = 0;
    for (int round = 0; round < 60; ++round) {
      const Bytes payload = pattern(1 + random() % 70'000, sequence);
      const auto slot = output.lay_out(*sealer, payload.size());
      std::ranges::copy(payload, slot.payload);
      output.seal(*sealer, sequence++, slot, payload.size());
      std::vector<iovec> room(room_size);
      std::size_t take = random() % (output.pending() + 1);
      std::size_t offered = 0;
      Bytes seen;
      for (const iovec& piece : output.pieces(room)) {
        EXPECT_GT(piece.iov_len, 0U);
        offered += piece.iov_len;
        append(seen, {static_cast<const std::byte*>(piece.iov_base), piece.iov_len});
      }
      ASSERT_LE(offered, output.pending());
      ASSERT_GT(offered, 0U);
      take = std::min(take, offered);
      append(wire, ByteSpan(seen).first(take));
      const std::size_t before = output.pending();
      output.sent(take);
      EXPECT_EQ(output.pending(), before - take);
    }
    append(wire, drain(output));
    Reader reader(GetParam());
    reader.take(wire);
    EXPECT_EQ(reader.copies.size(), 60U);
  }
}

INSTANTIATE_TEST_SUITE_P(All, PacketIo, testing::ValuesIn(all_protections_and_none()),
                         [](const auto& info) { return info.param.name(); });

TEST(PacketOutput, RawBytesComeFirst) {
  PacketOutput output;
  output.append_raw(as_bytes("SSH-2.0-Test\r\n"));
  EXPECT_EQ(output.pending(), 14U);
  EXPECT_EQ(as_text(drain(output)), "SSH-2.0-Test\r\n");
}

TEST(PacketOutput, PaddingIsNotAlwaysTheSame) {
  const auto packet = [] {
    PacketOutput output;
    const auto sealer = make_plain_sealer();
    const auto slot = output.lay_out(*sealer, 1);
    slot.payload[0] = std::byte{2};
    output.seal(*sealer, 0, slot, 1);
    return drain(output);
  };
  EXPECT_NE(packet(), packet());
}

}  // namespace
}  // namespace ferry::ssh::test
