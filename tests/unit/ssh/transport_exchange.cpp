// The version exchange and the first key exchange, with every algorithm and with everything wrong.
#include <gtest/gtest.h>

#include "tests/unit/ssh/link.h"
#include "tests/unit/ssh/packet_support.h"

namespace ferry::ssh::test {
namespace {

void expect_connected(Link& link) {
  link.connect();
  ASSERT_FALSE(link.error) << link.error->message;
  EXPECT_EQ(link.client.violation, "");
  EXPECT_EQ(link.client.exchanges(), 1);
  EXPECT_TRUE(link.client.host_key_verified());
  EXPECT_EQ(link.client.session_id(), link.transport.session_id());
  EXPECT_FALSE(link.transport.exchanging());
}

// A message each way, so that both directions' keys and sequence numbers are used.
void expect_talks(Link& link) {
  const std::size_t before = link.packets.size();
  for (int i = 0; i < 3; ++i) {
    link.say(service_request());
    ASSERT_EQ(link.packets.size(), before + static_cast<std::size_t>(i) + 1);
    EXPECT_EQ(link.packets.back(), service_request());
    link.transport.send(pattern(500, 7));
    link.pump();
    ASSERT_FALSE(link.client.received.empty());
    EXPECT_EQ(link.client.received.back(), pattern(500, 7));
  }
  EXPECT_EQ(link.client.violation, "");
}

void expect_refused(Link& link, ErrorCode code = ErrorCode::protocol_error) {
  ASSERT_TRUE(link.error);
  EXPECT_EQ(link.error->code, code) << link.error->message;
}

// --- version exchange (RFC 4253 section 4.2) ---

TEST(VersionExchange, ServerSpeaksFirst) {
  Link link;
  link.to_server();  // starts
  link.to_client();
  EXPECT_EQ(link.client.server_version(), "SSH-2.0-FerryTest");
}

TEST(VersionExchange, AcceptedForms) {
  for (const std::string line : {"SSH-2.0-x\r\n", "SSH-2.0-x\n", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u2\r\n",
                                 "SSH-1.99-old\r\n", "SSH-2.0-\r\n"}) {
    Link link;
    link.client.send_raw(as_bytes(line));
    link.pump();
    EXPECT_FALSE(link.error) << line;
    EXPECT_EQ(link.transport.client_version(), line.substr(0, line.find_first_of("\r\n")));
  }
  Link link;
  const std::string longest = "SSH-2.0-" + std::string(245, 'v');
  link.client.send_raw(as_bytes(longest + "\r\n"));
  link.pump();
  EXPECT_FALSE(link.error);
  EXPECT_EQ(link.transport.client_version(), longest);
}

TEST(VersionExchange, RefusedForms) {
  std::string nul = "SSH-2.0-a_b\r\n";
  nul[9] = '\0';
  for (const std::string& line :
       {std::string("GET / HTTP/1.1\r\n"), std::string("SSH-1.5-x\r\n"), std::string("ssh-2.0-x\r\n"),
        std::string("\r\n"), std::string("\n"), std::string(" SSH-2.0-x\r\n"), std::string("banner\r\nSSH-2.0-x\r\n"),
        std::string("SSH-2.0\r\n"), nul, std::string("SSH-2.0-\x80\r\n"), std::string("SSH-2.0-\x01\r\n"),
        std::string("SSH-2.0-a\rb\r\n"), "SSH-2.0-" + std::string(246, 'v') + "\r\n", std::string(255, 'v'),
        std::string(5000, '\0')}) {
    Link link;
    link.client.send_raw(as_bytes(line));
    link.pump();
    ASSERT_TRUE(link.error) << line.substr(0, 30);
    EXPECT_EQ(link.error->code, ErrorCode::protocol_error);
    EXPECT_FALSE(link.client.got(msg::disconnect)) << "no packet to what is no SSH client";
  }
}

TEST(VersionExchange, ByteByByteTogetherWithTheExchange) {
  Link link;
  link.piece = 1;
  expect_connected(link);
  expect_talks(link);
}

TEST(VersionExchange, WaitsForTheLine) {
  Link link;
  link.client.automatic = false;
  link.client.send_raw(as_bytes(std::string(254, 'S')));
  link.pump();
  EXPECT_FALSE(link.error);
  link.client.send_raw(as_bytes("S"));
  link.pump();
  expect_refused(link);
}

// --- the first key exchange ---

TEST(FirstExchange, EveryKeyAgreement) {
  for (const KeyAgreement& method : key_agreements()) {
    Link link;
    link.client.kexinit.kex = method.name;
    SCOPED_TRACE(method.name);
    expect_connected(link);
    expect_talks(link);
    EXPECT_EQ(link.transport.negotiated().key_agreement, &method);
  }
}

TEST(FirstExchange, HostileHybridValuesEndTheConnection) {
  crypto::ml_kem768::KeyPair keys = crypto::ml_kem768::generate();
  Bytes good = keys.encapsulation_key;
  good.resize(1184 + 32, std::byte{9});
  Bytes large = good, low_order = good;
  large[0] = std::byte{0xff};
  large[1] |= std::byte{0x0f};
  std::fill(low_order.begin() + 1184, low_order.end(), std::byte{0});
  const Bytes short_one(good.begin(), good.end() - 1);
  for (const Bytes& value : {Bytes{}, short_one, large, low_order}) {
    Link link;
    link.client.kexinit.kex = "mlkem768x25519-sha256";
    link.client.automatic = false;
    link.connect();
    link.client.send_kexinit();
    link.client.send(ByteWriter().u8(msg::kex_init).string(value).take());
    link.pump();
    expect_refused(link);
  }
}

TEST(FirstExchange, EveryHostKeyAlgorithm) {
  for (const char* name : {"ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"}) {
    Link link;
    link.client.kexinit.host_key = name;
    SCOPED_TRACE(name);
    expect_connected(link);
  }
}

class FirstExchangeWith : public testing::TestWithParam<Protection> {};
INSTANTIATE_TEST_SUITE_P(All, FirstExchangeWith, testing::ValuesIn(all_protections()),
                         [](const auto& info) { return info.param.name(); });

TEST_P(FirstExchangeWith, BothDirections) {
  for (const bool strict : {false, true}) {
    Link link;
    link.client.strict = strict;
    Kexinit& kexinit = link.client.kexinit;
    kexinit.cipher_in = kexinit.cipher_out = GetParam().cipher->name;
    if (GetParam().mac != nullptr) kexinit.mac_in = kexinit.mac_out = GetParam().mac->name;
    expect_connected(link);
    expect_talks(link);
  }
}

TEST_P(FirstExchangeWith, OtherCipherBackwards) {
  Link link;
  link.client.kexinit.cipher_in = GetParam().cipher->name;
  if (GetParam().mac != nullptr) link.client.kexinit.mac_in = GetParam().mac->name;
  link.client.kexinit.cipher_out = "chacha20-poly1305@openssh.com";
  expect_connected(link);
  expect_talks(link);
}

TEST(FirstExchange, NothingInCommonSaysSo) {
  Link link;
  link.client.kexinit.cipher_in = "arcfour";
  link.client.automatic = false;
  link.connect();
  link.client.send_kexinit();
  link.pump();
  expect_refused(link, ErrorCode::unsupported);
  EXPECT_TRUE(link.client.got(msg::disconnect));
}

// Sequence numbers start again at zero with every NEWKEYS when strict (PROTOCOL of OpenSSH, section 1.10).
TEST(FirstExchange, StrictResetsSequenceNumbers) {
  for (const bool strict : {false, true}) {
    Link link;
    link.client.strict = strict;
    link.client.ext_info = false;
    expect_connected(link);
    // Sent without strict: KEXINIT, KEX_INIT, NEWKEYS. Received: KEXINIT, KEX_REPLY, NEWKEYS.
    EXPECT_EQ(link.client.send_sequence(), strict ? 0U : 3U);
    EXPECT_EQ(link.client.receive_sequence(), strict ? 0U : 3U);
    expect_talks(link);
  }
}

TEST(FirstExchange, UnimplementedNamesTheSequenceNumber) {
  for (const bool strict : {false, true}) {
    Link link;
    link.client.strict = strict;
    expect_connected(link);
    for (std::uint32_t i = 0; i < 3; ++i) {
      link.say(service_request());
      link.transport.send_unimplemented();
      link.pump();
      EXPECT_EQ(link.client.take(msg::unimplemented), ByteWriter().u8(3).u32((strict ? 0U : 3U) + i).take());
    }
  }
}

// RFC 8308 section 2.4, and only when the client said ext-info-c.
TEST(FirstExchange, ExtInfoOnlyWhenAsked) {
  for (const bool asked : {true, false}) {
    Link link;
    link.client.ext_info = asked;
    expect_connected(link);
    const Bytes ext_info = link.client.take(msg::ext_info);
    ASSERT_EQ(!ext_info.empty(), asked);
    if (!asked) continue;
    ByteReader in(ext_info);
    in.u8();
    EXPECT_EQ(in.u32(), 2U);
    EXPECT_EQ(in.string(), "server-sig-algs");
    EXPECT_EQ(in.string(), join_name_list(public_key_algorithms()));
    EXPECT_EQ(in.string(), "ping@openssh.com");
    EXPECT_EQ(in.string(), "0");
    EXPECT_TRUE(in.done());
  }
}

TEST(FirstExchange, GuessedPacket) {
  Link right;
  right.client.kexinit.kex = "mlkem768x25519-sha256,curve25519-sha256";
  right.client.kexinit.first_kex_packet_follows = true;
  expect_connected(right);
  expect_talks(right);

  Link wrong;  // the guess is dropped unread, the real one follows
  wrong.client.kexinit.kex = "ecdh-sha2-nistp256,curve25519-sha256";
  wrong.client.kexinit.first_kex_packet_follows = true;
  wrong.client.automatic = false;
  wrong.connect();
  wrong.client.send_kexinit();
  wrong.client.send(ByteWriter().u8(msg::kex_init).string(pattern(17)).take());
  wrong.client.send_kex_init();
  wrong.pump();
  ASSERT_FALSE(wrong.error) << wrong.error->message;
  wrong.client.send_newkeys();
  wrong.pump();
  expect_talks(wrong);
}

// --- messages where they do not belong ---

struct Interjection {
  const char* name;
  Bytes payload;
};
std::vector<Interjection> harmless_messages() {
  return {{"IGNORE", ignore_message()}, {"DEBUG", debug_message()}, {"UNIMPLEMENTED", unimplemented_message()}};
}

// Walks through the first exchange by hand and puts `payload` before step `at`: 0 before KEXINIT, 1 before
// KEX_INIT, 2 before NEWKEYS, 3 after it.
void interject(Link& link, int at, const Bytes& payload) {
  link.client.automatic = false;
  link.connect();
  const auto before_step = [&](int step) {
    if (step == at) link.say(payload);
  };
  before_step(0);
  if (link.error) return;
  link.client.send_kexinit();
  link.pump();
  before_step(1);
  if (link.error) return;
  link.client.send_kex_init();
  link.pump();
  before_step(2);
  if (link.error) return;
  link.client.send_newkeys();
  link.pump();
  before_step(3);
}

TEST(FirstExchange, HarmlessMessagesEndAStrictOne) {
  for (const auto& [name, payload] : harmless_messages()) {
    for (const int at : {0, 1, 2}) {
      SCOPED_TRACE(std::string(name) + " before step " + std::to_string(at));
      Link strict;
      interject(strict, at, payload);
      expect_refused(strict);
      EXPECT_TRUE(strict.client.got(msg::disconnect));
    }
    Link after;
    interject(after, 3, payload);
    EXPECT_FALSE(after.error) << name;
    expect_talks(after);
  }
}

TEST(FirstExchange, HarmlessMessagesPassWhenNotStrict) {
  for (const auto& [name, payload] : harmless_messages()) {
    for (const int at : {0, 1, 2, 3}) {
      SCOPED_TRACE(std::string(name) + " before step " + std::to_string(at));
      Link link;
      link.client.strict = false;
      interject(link, at, payload);
      ASSERT_FALSE(link.error) << link.error->message;
      expect_talks(link);
    }
  }
}

TEST(FirstExchange, EverythingElseIsRefusedInside) {
  for (const bool strict : {false, true}) {
    for (int number = 0; number < 256; ++number) {
      const bool harmless = number >= 1 && number <= 4;
      if (harmless) continue;
      for (const int at : {0, 1, 2}) {
        const bool expected = (at == 0 && number == msg::kexinit) || (at == 1 && number == msg::kex_init) ||
                              (at == 2 && number == msg::newkeys);
        if (expected) continue;
        Link link;
        link.client.strict = strict;
        interject(link, at, ByteWriter().u8(static_cast<std::uint8_t>(number)).bytes(pattern(40)).take());
        ASSERT_TRUE(link.error) << number << " before step " << at;
        EXPECT_EQ(link.error->code, ErrorCode::protocol_error);
        EXPECT_TRUE(link.packets.empty());
      }
    }
  }
}

TEST(FirstExchange, DisconnectIsHeardAnywhere) {
  for (const int at : {0, 1, 2, 3}) {
    Link link;
    interject(link, at, disconnect_message("so\x01long"));
    expect_refused(link, ErrorCode::connection_lost);
    EXPECT_NE(link.error->message.find("so?long"), std::string::npos);
  }
}

TEST(FirstExchange, SecondKexinit) {
  for (const bool strict : {false, true}) {
    for (const int at : {1, 2}) {
      Link link;
      link.client.strict = strict;
      interject(link, at, link.client.kexinit.payload());
      expect_refused(link);
    }
  }
}

TEST(FirstExchange, SecondKexInit) {
  Link link;
  link.client.automatic = false;
  link.connect();
  link.client.send_kexinit();
  link.pump();
  link.client.send_kex_init();
  link.client.send_kex_init();
  link.pump();
  expect_refused(link);
}

TEST(FirstExchange, SecondKexInitWhileTheFirstIsComputed) {
  Link link;
  link.client.automatic = false;
  link.hold_exchange = true;
  link.connect();
  link.client.send_kexinit();
  link.pump();
  link.client.send_kex_init();
  link.client.send_kex_init();
  link.pump();
  ASSERT_TRUE(link.pending_exchange);
  EXPECT_FALSE(link.error);
  link.finish_exchange();
  link.pump();
  expect_refused(link);
}

TEST(FirstExchange, EarlyOrMalformedNewkeys) {
  for (const int at : {0, 1}) {
    Link link;
    interject(link, at, message(msg::newkeys));
    expect_refused(link);
  }
  Link longer;
  interject(longer, 2, ByteWriter().u8(msg::newkeys).u8(0).take());
  expect_refused(longer);
}

TEST(FirstExchange, MalformedKexInit) {
  const Bytes point = pattern(32);
  for (const Bytes& payload : {message(msg::kex_init), ByteWriter().u8(msg::kex_init).string(Bytes{}).take(),
                               ByteWriter().u8(msg::kex_init).string(pattern(31)).take(),
                               ByteWriter().u8(msg::kex_init).string(pattern(33)).take(),
                               ByteWriter().u8(msg::kex_init).string(point).u8(0).take(),
                               ByteWriter().u8(msg::kex_init).u32(33).bytes(point).take(),
                               ByteWriter().u8(msg::kex_init).u32(0xffffffff).bytes(point).take(),
                               ByteWriter().u8(msg::kex_init).string(Bytes(32)).take()}) {  // the all-zero X25519 point
    Link link;
    link.client.automatic = false;
    link.connect();
    link.client.send_kexinit();
    link.pump();
    link.say(payload);
    expect_refused(link);
  }
}

TEST(FirstExchange, StillPlainOrForgedPackets) {
  Link link;
  interject(link, 9, {});
  const auto plain = make_plain_sealer();
  link.client.send_raw(sealed_packet(*plain, 0, service_request()));
  link.client.send_raw(Bytes(40'000));
  link.pump();
  expect_refused(link);
  EXPECT_TRUE(link.packets.empty());
}

TEST(FirstExchange, LimitsPacketsBeforeAuthentication) {
  Link link;
  link.client.send_version();
  link.client.send_raw(ByteWriter().u32(PacketInput::longest_before_auth + 8 - 4).take());
  link.pump();
  expect_refused(link);
}

TEST(Transport, PingIsAnsweredFromTheFirstKeysOn) {
  Link link;
  expect_connected(link);
  link.say(ping_message("hello"));
  EXPECT_EQ(link.client.take(msg::pong), ByteWriter().u8(msg::pong).string(std::string_view("hello")).take());
  link.say(ping_message(""));
  EXPECT_EQ(link.client.take(msg::pong), ByteWriter().u8(msg::pong).string(std::string_view()).take());
  link.say(ByteWriter().u8(msg::ping).u32(5).take());
  expect_refused(link);
}

TEST(Transport, LargePacketsOnceAuthenticated) {
  Link link;
  expect_connected(link);
  link.transport.set_authenticated();
  const Bytes large = ping_message(std::string(200'000, 'p'));
  link.say(large);
  EXPECT_EQ(link.client.take(msg::pong).size(), large.size());
}

TEST(Transport, MalformedDisconnectStillEnds) {
  Link link;
  expect_connected(link);
  link.say(message(msg::disconnect));
  expect_refused(link, ErrorCode::connection_lost);
}

}  // namespace
}  // namespace ferry::ssh::test
