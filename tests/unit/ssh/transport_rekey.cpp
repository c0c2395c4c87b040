// Key exchanges after the first: started by either side, by both, in the middle of data.
#include <gtest/gtest.h>

#include "tests/unit/ssh/link.h"
#include "tests/unit/ssh/packet_support.h"

namespace ferry::ssh::test {
namespace {

struct Connected : Link {
  explicit Connected(bool strict = true, std::uint64_t rekey_bytes = std::uint64_t{1} << 30)
      : Link([rekey_bytes] {
          TransportOptions options = transport_options();
          options.rekey_bytes = rekey_bytes;
          return options;
        }()) {
    client.strict = strict;
    connect();
    transport.set_authenticated();
    client.take(msg::ext_info);
  }
  void expect_well() {
    ASSERT_FALSE(error) << error->message;
    EXPECT_EQ(client.violation, "");
    EXPECT_FALSE(transport.exchanging());
  }
  void expect_talks() {
    say(ping_message("after"));
    EXPECT_FALSE(client.take(msg::pong).empty());
    transport.send(channel_data(0, pattern(100)));
    pump();
    EXPECT_EQ(client.take(msg::channel_data), channel_data(0, pattern(100)));
    expect_well();
  }
};

TEST(Rekey, ByTheClient) {
  for (const bool strict : {false, true}) {
    Connected link(strict);
    for (int i = 2; i < 6; ++i) {
      link.client.send_kexinit();
      link.pump();
      EXPECT_EQ(link.client.exchanges(), i);
      link.expect_talks();
    }
  }
}

// From a classical first exchange to the hybrid, again and again, with and without strict key exchange; each time in
// the middle of what the server sends.
TEST(Rekey, ToThePostQuantumHybrid) {
  for (const bool strict : {false, true}) {
    Connected link(strict);
    link.client.kexinit.kex = "mlkem768x25519-sha256";
    for (int i = 2; i < 6; ++i) {
      link.client.send_kexinit();
      for (std::uint32_t n = 0; n < 5; ++n) link.transport.send(channel_data(0, pattern(10'000, n)));
      link.pump();
      EXPECT_EQ(link.client.exchanges(), i);
      EXPECT_EQ(link.transport.negotiated().key_agreement->name, "mlkem768x25519-sha256");
      for (std::uint32_t n = 0; n < 5; ++n) {
        EXPECT_EQ(link.client.take(msg::channel_data), channel_data(0, pattern(10'000, n)));
      }
      link.expect_talks();
    }
  }
}

TEST(Rekey, AFewTimesBeforeTheLoginAndNoMore) {
  Link link(transport_options());
  link.connect();
  for (int i = 2; i <= 3; ++i) {
    link.client.send_kexinit();
    link.pump();
    EXPECT_EQ(link.client.exchanges(), i);
  }
  ASSERT_FALSE(link.error);
  link.client.send_kexinit();
  link.pump();
  ASSERT_TRUE(link.error);
  EXPECT_EQ(link.error->message, "too many key exchanges before authentication");
}

// A download: nothing comes from the client that would be an occasion.
TEST(Rekey, ByBytesThatOnlyGoOut) {
  Connected link(true, 1'000'000);
  for (int i = 0; i < 40 && link.client.exchanges() < 2; ++i) {
    const PacketOutput::Slot slot = link.transport.lay_out(30'000);
    std::fill_n(slot.payload, 30'000, std::byte{msg::ignore});
    link.transport.seal(slot, 30'000);
    link.transport.end_reservation();
    if (!link.transport.can_send_data()) link.pump();
  }
  EXPECT_EQ(link.client.exchanges(), 2);
  link.expect_talks();
}

TEST(Rekey, SessionIdStays) {
  Connected link;
  const Bytes session_id = link.transport.session_id();
  link.client.send_kexinit();
  link.pump();
  EXPECT_EQ(link.transport.session_id(), session_id);
}

TEST(Rekey, ToOtherAlgorithms) {
  for (const Protection& protection : all_protections()) {
    Connected link;
    SCOPED_TRACE(protection.name());
    link.client.kexinit.kex = "ecdh-sha2-nistp521";
    link.client.kexinit.host_key = "rsa-sha2-512";
    link.client.kexinit.cipher_in = link.client.kexinit.cipher_out = protection.cipher->name;
    if (protection.mac != nullptr) link.client.kexinit.mac_in = link.client.kexinit.mac_out = protection.mac->name;
    link.client.send_kexinit();
    link.pump();
    EXPECT_EQ(link.client.exchanges(), 2);
    link.expect_talks();
  }
}

TEST(Rekey, ByTheServerForBytes) {
  for (const bool strict : {false, true}) {
    Connected link(strict, 10'000);
    for (int i = 0; i < 100; ++i) {
      link.transport.send(channel_data(0, pattern(1000)));
      link.transport.rekey_if_due(link.time);
      link.pump();
      EXPECT_EQ(link.client.take(msg::channel_data), channel_data(0, pattern(1000)));
    }
    link.expect_talks();
    EXPECT_GE(link.client.exchanges(), 9);
    EXPECT_LE(link.client.exchanges(), 12);
  }
}

TEST(Rekey, ByTheServerForBytesReceived) {
  Connected link(true, 10'000);
  for (int i = 0; i < 50; ++i) {
    link.say(channel_data(0, pattern(1000)));
    link.transport.rekey_if_due(link.time);
    link.pump();
  }
  link.expect_talks();
  EXPECT_GE(link.client.exchanges(), 5);
}

TEST(Rekey, ByTheServerForTime) {
  Connected link;
  link.transport.rekey_if_due(link.time + std::chrono::seconds(3599));
  link.pump();
  EXPECT_EQ(link.client.exchanges(), 1);
  link.time += std::chrono::seconds(3600);
  link.transport.rekey_if_due(link.time);
  link.pump();
  EXPECT_EQ(link.client.exchanges(), 2);
  link.transport.rekey_if_due(link.time + std::chrono::seconds(3599));
  link.pump();
  EXPECT_EQ(link.client.exchanges(), 2) << "the clock starts again";
}

TEST(Rekey, NotByTheServerBeforeAuthentication) {
  Link link;
  link.connect();
  link.transport.rekey_if_due(link.time + std::chrono::hours(10));
  link.pump();
  EXPECT_EQ(link.client.exchanges(), 1);
}

TEST(Rekey, ByBothAtOnce) {
  for (const bool strict : {false, true}) {
    Connected link(strict, 1);
    link.client.send_kexinit();
    link.transport.rekey_if_due(link.time);  // our KEXINIT goes out before the client's is read
    link.pump();
    link.expect_well();
    EXPECT_EQ(link.client.exchanges(), 2);
  }
}

// Nothing but key exchange messages leaves between our KEXINIT and NEWKEYS; TestClient notes it if it does.
TEST(Rekey, HoldsBackWhatIsSentMeanwhile) {
  for (const bool by_server : {false, true}) {
    Connected link(true, by_server ? 1 : std::uint64_t{1} << 30);
    link.client.automatic = false;
    link.client.numbers.clear();
    unsigned sent = 0;
    const auto send_some = [&] {
      for (int i = 0; i < 3; ++i) link.transport.send(channel_data(0, pattern(200, sent++)));
      link.transport.send_unimplemented();
      link.pump();
    };
    if (by_server) {
      link.transport.rekey_if_due(link.time);
      send_some();
      link.client.send_kexinit();
    } else {
      link.client.send_kexinit();
      link.to_server();
    }
    send_some();
    EXPECT_FALSE(link.transport.can_send_data());
    link.hold_exchange = true;
    link.client.send_kex_init();
    link.to_server();
    ASSERT_TRUE(link.pending_exchange);
    send_some();
    EXPECT_GT(link.transport.held_back(), 0U);
    EXPECT_EQ(link.client.numbers, std::vector<std::uint8_t>{msg::kexinit});
    link.finish_exchange();
    EXPECT_EQ(link.transport.held_back(), 0U);
    EXPECT_TRUE(link.transport.can_send_data());
    link.pump();
    EXPECT_EQ(link.client.violation, "");
    for (unsigned i = 0; i < sent; ++i)
      EXPECT_EQ(link.client.take(msg::channel_data), channel_data(0, pattern(200, i)));
    link.client.send_newkeys();
    link.pump();
    link.expect_talks();
  }
}

// Data that the client sent before it saw our KEXINIT is still good, and answered only afterwards.
TEST(Rekey, DataInFlightWhenTheServerStarts) {
  Connected link(true, 1);
  link.transport.rekey_if_due(link.time);
  for (unsigned i = 0; i < 20; ++i) link.client.send(channel_data(0, pattern(100, i)));
  link.client.send(ping_message("in flight"));
  link.pump();
  link.expect_well();
  ASSERT_EQ(link.packets.size(), 20U);
  for (unsigned i = 0; i < 20; ++i) EXPECT_EQ(link.packets[i], channel_data(0, pattern(100, i)));
  EXPECT_TRUE(link.client.got(msg::pong));
  EXPECT_EQ(link.client.exchanges(), 2);
}

// After its own KEXINIT the client may send key exchange messages alone (RFC 4253 section 7.1).
TEST(Rekey, EverythingElseIsRefusedInside) {
  for (int number = 0; number < 256; ++number) {
    for (const int at : {1, 2}) {
      const bool expected = (at == 1 && number == msg::kex_init) || (at == 2 && number == msg::newkeys);
      const bool harmless = number >= msg::ignore && number <= msg::debug;
      if (expected || number == msg::disconnect) continue;
      Connected link;
      link.client.automatic = false;
      link.client.send_kexinit();
      link.pump();
      const Bytes payload = ByteWriter().u8(static_cast<std::uint8_t>(number)).bytes(pattern(40)).take();
      if (at == 1) link.say(payload);
      if (!link.error) link.client.send_kex_init();
      link.pump();
      if (at == 2) link.say(payload);
      if (harmless) {
        ASSERT_FALSE(link.error) << number << " " << link.error->message;
        link.client.send_newkeys();
        link.pump();
        link.expect_talks();
        continue;
      }
      ASSERT_TRUE(link.error) << number << " at " << at;
      EXPECT_EQ(link.error->code, ErrorCode::protocol_error);
      EXPECT_TRUE(link.packets.empty());
    }
  }
}

// A wrong guess in a later exchange, too, loses exactly one packet.
TEST(Rekey, WrongGuess) {
  Connected link;
  link.client.automatic = false;
  link.client.kexinit.kex = "ecdh-sha2-nistp384,curve25519-sha256";
  link.client.kexinit.first_kex_packet_follows = true;
  link.client.send_kexinit();
  link.client.send(ByteWriter().u8(msg::kex_init).string(pattern(5)).take());
  link.pump();
  link.client.send_kex_init();
  link.pump();
  link.client.send_newkeys();
  link.pump();
  link.expect_talks();
}

TEST(Rekey, OldKeysAreGone) {
  Connected link;
  link.client.automatic = false;
  link.client.send_kexinit();
  link.pump();
  link.client.send_kex_init();
  link.pump();
  link.client.send(message(msg::newkeys));  // with the old keys, as it must be
  link.client.send(ping_message("old keys"));
  link.client.send_raw(Bytes(300'000));
  link.pump();
  ASSERT_TRUE(link.error);
  EXPECT_FALSE(link.client.got(msg::pong));
}

// --- composing channel data in place ---

TEST(Reservation, HoldsBackMessages) {
  Connected link;
  const Bytes payload = channel_data(0, pattern(300));
  const auto slot = link.transport.lay_out(payload.size());
  link.transport.send(ping_message("later"));
  EXPECT_GT(link.transport.held_back(), 0U);
  std::ranges::copy(payload, slot.payload);
  link.transport.seal(slot, payload.size());
  link.transport.end_reservation();
  EXPECT_EQ(link.transport.held_back(), 0U);
  link.pump();
  ASSERT_EQ(link.client.received.size(), 2U);
  EXPECT_EQ(link.client.received[0], payload);
  EXPECT_EQ(link.client.received[1], ping_message("later"));
}

TEST(Reservation, GivenBackSendsNothing) {
  Connected link;
  const auto slot = link.transport.lay_out(1000);
  link.transport.give_back(slot);
  link.transport.end_reservation();
  EXPECT_EQ(link.transport.output().pending(), 0U);
  link.expect_talks();
}

// A flood of small answers while the client lets an exchange hang must be seen in held_back(), whose limit ends it.
TEST(Rekey, HeldBackCountsWhatItCosts) {
  Connected link(true, 1);
  link.client.automatic = false;
  link.transport.rekey_if_due(link.time);
  const Bytes tiny = message(msg::request_failure);
  for (int i = 0; i < 1000; ++i) link.transport.send(tiny);
  EXPECT_GE(link.transport.held_back(), 1000 * sizeof(Bytes));
}

}  // namespace
}  // namespace ferry::ssh::test
