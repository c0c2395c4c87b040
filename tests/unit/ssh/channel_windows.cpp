// SessionChannel: windows both ways, and output that is composed in place.
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <random>

#include "tests/unit/ssh/channel_server.h"

namespace ferry::ssh::test {
namespace {

// --- what the client may send ---

TEST(InputWindow, WholeWindowAndNotOneMore) {
  const auto server = logged_in();
  server->open_service(1, "hold");
  std::uint32_t left = window;
  while (left > 0) {
    const std::uint32_t count = std::min(left, largest - 1);
    server->client.send(channel_data(0, Bytes(count)));
    left -= count;
  }
  server->pump();
  server->expect_well();
  EXPECT_EQ(server->handler.held_input, window);
  EXPECT_EQ(server->take_adjusts(1), 0U) << "nothing was consumed";
  server->say(channel_data(0, {}));
  server->expect_well();
  server->say(channel_data(0, Bytes(1)));
  server->expect_refused();
}

TEST(InputWindow, ExtendedDataCounts) {
  const auto server = logged_in();
  server->open_service(1, "hold");
  std::uint32_t left = window;
  while (left > 0) {  // dropped, and so given back
    const std::uint32_t count = std::min(left, largest);
    server->say(channel_stderr(0, Bytes(count)));
    left -= count;
  }
  server->expect_well();
  EXPECT_GE(server->take_adjusts(1), window - window / 8);
  EXPECT_EQ(server->handler.held_input, 0U);
}

TEST(InputWindow, LargestPacket) {
  const auto server = logged_in();
  server->open_service(1, "echo");
  server->say(channel_data(0, Bytes(largest)));
  server->expect_well();
  server->say(channel_data(0, Bytes(largest + 1)));
  server->expect_refused();
  const auto other = logged_in();
  other->open_service(1, "echo");
  other->say(channel_stderr(0, Bytes(largest + 1)));
  other->expect_refused();
}

TEST(InputWindow, IsGivenBackAsItIsConsumed) {
  const auto server = logged_in();
  server->open_service(1, "echo", 0xffffffff);
  std::uint64_t sent = 0, granted = window;
  for (int i = 0; i < 300; ++i) {
    server->say(channel_data(0, Bytes(50'000)));
    sent += 50'000;
    granted += server->take_adjusts(1);
    server->take_data(1);
    ASSERT_GE(granted, sent);
    ASSERT_LE(granted, sent + window);
  }
  server->expect_well();
  EXPECT_GE(granted - sent, window - window / 8);
}

TEST(InputWindow, IsGivenBackWithoutAService) {
  const auto server = logged_in();
  server->open_channel(1);
  for (int i = 0; i < 100; ++i) server->say(channel_data(0, Bytes(60'000)));
  server->expect_well();
  EXPECT_GT(server->take_adjusts(1), 100 * 60'000 - window);
}

TEST(InputWindow, OneByteAtATime) {
  const auto server = logged_in();
  server->open_service(1, "echo", 0xffffffff);
  Bytes sent;
  for (int i = 0; i < 2000; ++i) {
    const std::byte byte{static_cast<unsigned char>(i)};
    server->client.send(channel_data(0, {&byte, 1}));
    sent.push_back(byte);
  }
  server->pump();
  server->expect_well();
  EXPECT_EQ(server->take_data(1), sent);
}

// --- what we may send ---

TEST(OutputWindow, NeverMoreThanGranted) {
  for (const std::uint32_t first : {0U, 1U, 2U, 511U, 512U, 1000U, 32'768U, 100'000U}) {
    const auto server = logged_in();
    server->open_channel(1, first, 600);
    server->say(exec_request(0, "source 200000"));
    server->client.take(99);
    Bytes all;
    std::size_t granted = first;
    std::mt19937 random(first);
    while (all.size() < 200'000) {
      for (const Bytes& payload : server->client.received) EXPECT_LE(payload.size(), 600U + 9) << "max packet";
      append(all, server->take_data(1));
      ASSERT_EQ(all.size(), std::min<std::size_t>(granted, 200'000)) << "all that is granted, at once";
      const std::uint32_t more = 1 + static_cast<std::uint32_t>(random() % (random() % 4 == 0 ? 20'000 : 700));
      granted += more;
      server->say(window_adjust(0, more));
    }
    append(all, server->take_data(1));
    EXPECT_EQ(all, pattern(200'000));
    EXPECT_TRUE(server->client.got(98));
    server->expect_well();
  }
}

TEST(OutputWindow, OverflowIsAnError) {
  const auto server = logged_in();
  server->open_channel(1, 0xffffffff);
  server->say(window_adjust(0, 0));
  server->expect_well();
  server->say(window_adjust(0, 1));
  server->expect_refused();
  const auto other = logged_in();
  other->open_channel(1, 0);
  other->say(window_adjust(0, 0xffffffff));
  other->expect_well();
  other->say(window_adjust(0, 0xffffffff));
  other->expect_refused();
}

TEST(OutputWindow, WriteEndsWhenTheClientCloses) {
  const auto server = logged_in();
  server->open_channel(1, 100);
  server->say(exec_request(0, "source 1000"));
  server->take_data(1);
  EXPECT_EQ(server->services_running, 1);
  server->say(message(97, 0));
  EXPECT_EQ(server->services_running, 0);
  EXPECT_TRUE(server->client.got(97));
  EXPECT_TRUE(server->take_data(1).empty()) << "no data after the client's CLOSE";
  server->expect_well();
}

TEST(OutputWindow, WriteEndsWhenTheConnectionIsGone) {
  const auto server = logged_in();
  server->open_channel(1, 100);
  server->say(exec_request(0, "source 1000"));
  EXPECT_EQ(server->services_running, 1);
  server->channels->abort();
  server->run();
  EXPECT_EQ(server->services_running, 0);
}

TEST(OutputWindow, WriteWaitsForAKeyExchange) {
  const auto server = logged_in();
  server->open_channel(1);
  server->client.automatic = false;
  server->hold_exchange = true;
  server->client.send_kexinit();
  server->to_server();
  server->to_client();
  server->client.send_kex_init();
  server->to_server();
  ASSERT_TRUE(server->pending_exchange);
  server->client.received.clear();
  // The service starts only now that our KEXINIT is out.
  const auto channel = std::make_shared<SessionChannel>(server->transport, *server, 0, 1, 1 << 20, 32768);
  bool done = false;
  const Bytes data = pattern(5000);
  asio::co_spawn(server->executor(), channel->write(data),
                 [&done](const std::exception_ptr&, Result<void> written) { done = written.has_value(); });
  server->run();
  server->to_client();
  EXPECT_FALSE(done);
  EXPECT_TRUE(server->client.received.empty());
  server->finish_exchange();
  channel->output_progress();
  server->run();
  EXPECT_TRUE(done);
  server->to_client();
  EXPECT_EQ(server->take_data(1), data);
  EXPECT_EQ(server->client.violation, "");
}

TEST(OutputWindow, OutputAndErrorsWaitSideBySide) {
  const auto server = logged_in();
  const auto channel = std::make_shared<SessionChannel>(server->transport, *server, 0, 1, 0, 32'768);
  int done = 0;
  const auto count = [&done](const std::exception_ptr&, Result<void> written) { done += written.has_value(); };
  const Bytes data = pattern(100);
  asio::co_spawn(server->executor(), channel->write(data), count);
  asio::co_spawn(server->executor(), channel->write_stderr(data), count);
  server->run();
  EXPECT_EQ(done, 0);
  ASSERT_TRUE(channel->add_peer_window(150));
  server->run();
  EXPECT_EQ(done, 1);
  ASSERT_TRUE(channel->add_peer_window(50));
  server->run();
  EXPECT_EQ(done, 2);
}

// --- composing output in place ---

struct Composing {
  explicit Composing(std::uint32_t peer_window, std::uint32_t peer_packet = 32'768) : server(logged_in()) {
    channel = std::make_shared<SessionChannel>(server->transport, *server, 0, 1, peer_window, peer_packet);
  }
  // Reserves `count`, fills it with pattern, sends `used`; answers what the client got.
  Bytes compose(std::size_t count, std::size_t used) {
    const Bytes data = pattern(count, 5);
    std::size_t at = 0;
    for (const iovec& piece : channel->reserve_output(count)) {
      std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(at), piece.iov_len,
                  static_cast<std::byte*>(piece.iov_base));
      at += piece.iov_len;
    }
    EXPECT_EQ(at, count);
    channel->commit_output(used);
    server->pump();
    return server->take_data(1);
  }
  bool can_wait(std::size_t count) {
    std::optional<bool> answer;
    asio::co_spawn(server->executor(), channel->wait_output(count),
                   [&answer](const std::exception_ptr&, bool room) { answer = room; });
    server->run();
    if (!answer) {  // still waiting: end it
      channel->abort();
      server->run();
      return true;
    }
    return *answer;
  }
  std::unique_ptr<Server> server;
  std::shared_ptr<SessionChannel> channel;
};

Bytes head(const Bytes& bytes, std::size_t count) {
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count)};
}

TEST(Compose, UsesAnyPartOfTheReservation) {
  constexpr std::size_t packet = 600;
  for (const std::size_t count : {1UL, 599UL, 600UL, 601UL, 1800UL, 2000UL}) {
    for (const std::size_t used : {0UL, 1UL, 599UL, 600UL, 601UL, 1199UL, 1200UL, 1201UL, 1799UL, 1800UL, 2000UL}) {
      if (used > count) continue;
      Composing it(1 << 20, packet);
      EXPECT_EQ(it.compose(count, used), head(pattern(count, 5), used)) << used << " of " << count;
      EXPECT_EQ(it.compose(700, 700), pattern(700, 5)) << "after " << used << " of " << count;
      EXPECT_EQ(it.server->transport.held_back(), 0U);
      it.server->expect_well();
    }
  }
}

TEST(Compose, WindowCountsWhatWasUsed) {
  Composing it(1000);
  EXPECT_TRUE(it.channel->reserve_output(1001).empty());
  it.compose(1000, 0);
  it.compose(1000, 400);
  EXPECT_TRUE(it.channel->reserve_output(601).empty());
  it.compose(600, 600);
  EXPECT_TRUE(it.channel->reserve_output(1).empty());
  ASSERT_TRUE(it.channel->add_peer_window(1));
  EXPECT_EQ(it.compose(1, 1).size(), 1U);
}

TEST(Compose, OnALongLinkAPartOfTheWindowIsUsed) {
  Composing near(1000), far(1000);
  far.server->link = std::chrono::milliseconds(50);
  for (Composing* it : {&near, &far}) it->compose(600, 600);
  EXPECT_TRUE(near.can_wait(401)) << "for the whole";
  EXPECT_FALSE(far.can_wait(401)) << "a part can be written";
  far.compose(400, 400);
  EXPECT_TRUE(far.can_wait(401)) << "there is nothing to write into";
}

TEST(Compose, ManyLargeReservations) {
  Composing it(0xffffffff);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(it.can_wait(262'144));
    EXPECT_EQ(it.compose(262'144, 262'144 - static_cast<std::size_t>(i)),
              head(pattern(262'144, 5), 262'144 - static_cast<std::size_t>(i)));
  }
  it.server->expect_well();
}

TEST(Compose, MessagesSentMeanwhileFollow) {
  Composing it(1 << 20);
  ASSERT_FALSE(it.channel->reserve_output(10).empty());
  it.server->transport.send(ping_message("later"));
  it.channel->commit_output(0);
  it.server->pump();
  ASSERT_EQ(it.server->client.received.size(), 1U);
  EXPECT_EQ(it.server->client.received[0], ping_message("later"));
}

TEST(Compose, NothingIsReservedWhenItMayNotBeSent) {
  Composing after_eof(1000);
  after_eof.channel->send_eof();
  EXPECT_TRUE(after_eof.channel->reserve_output(1).empty());
  EXPECT_FALSE(after_eof.can_wait(1));

  Composing closed(1000);
  closed.channel->receive_close();
  EXPECT_TRUE(closed.channel->reserve_output(1).empty());
  EXPECT_FALSE(closed.can_wait(1));

  Composing gone(1000);
  gone.channel->abort();
  EXPECT_TRUE(gone.channel->reserve_output(1).empty());
  EXPECT_FALSE(gone.can_wait(1));

  Composing exchanging(1000);
  exchanging.server->client.automatic = false;
  exchanging.server->client.send_kexinit();
  exchanging.server->to_server();
  EXPECT_TRUE(exchanging.channel->reserve_output(1).empty());
  EXPECT_TRUE(exchanging.can_wait(1));
}

TEST(Compose, WaitingForMoreThanThePeerEverGrantsIsHopeless) {
  Composing it(1000, 600);
  EXPECT_TRUE(it.can_wait(1000));
  Composing other(1000, 600);
  EXPECT_FALSE(other.can_wait(1001));
  Composing large(0xffffffff, 512);
  EXPECT_FALSE(large.can_wait(1 << 20)) << "more packets than one reservation holds";
}

TEST(Compose, OutputThatNobodyTakesIsBounded) {
  Composing it(0xffffffff);
  std::size_t composed = 0;
  while (composed < 100'000'000) {
    if (it.channel->reserve_output(32'768).empty()) break;
    it.channel->commit_output(32'768);
    composed += 32'768;
  }
  EXPECT_LE(it.server->transport.output().pending(), 1'000'000U);
  EXPECT_GT(it.server->flushes, 0) << "the socket was offered what is pending";
}

}  // namespace
}  // namespace ferry::ssh::test
