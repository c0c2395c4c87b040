// Channels and SessionChannel: requests, the ends of a channel, limits.
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <random>

#include "tests/unit/ssh/channel_server.h"

namespace ferry::ssh::test {
namespace {

// --- opening ---

TEST(Channels, OpenConfirmation) {
  const auto server = logged_in();
  server->say(channel_open(42));
  EXPECT_EQ(server->client.take(91), ByteWriter().u8(91).u32(42).u32(0).u32(window).u32(largest).take());
}

TEST(Channels, OtherTypesAreRefused) {
  const auto server = logged_in();
  for (const auto& [type, reason] : {std::pair<const char*, std::uint32_t>{"direct-tcpip", 1},
                                     {"direct-streamlocal@openssh.com", 1},
                                     {"x11", 3},
                                     {"forwarded-tcpip", 3},
                                     {"", 3},
                                     {"Session", 3}}) {
    server->say(channel_open(5, 1000, 1000, type));
    ByteReader in(server->client.received.back());
    EXPECT_EQ(in.u8(), 92) << type;
    EXPECT_EQ(in.u32(), 5U);
    EXPECT_EQ(in.u32(), reason) << type;
    in.string();
    in.string();
    EXPECT_TRUE(in.done());
  }
  server->expect_well();
}

TEST(Channels, NoMoreThanTheMaximum) {
  const auto server = logged_in({6, 3});
  for (std::uint32_t id = 0; id < 3; ++id) EXPECT_EQ(server->open_channel(100 + id), id);
  server->say(channel_open(103));
  EXPECT_EQ(server->client.take(92).at(8), std::byte{4});  // resource shortage
  server->say(message(msg::channel_close, 1));
  EXPECT_EQ(server->client.take(97), message(97, 101));
  EXPECT_EQ(server->open_channel(104), 1U) << "the number is free again";
  server->expect_well();
}

TEST(Channels, NoMoreSessions) {
  const auto server = logged_in();
  server->open_channel(1);
  server->say(global_request("no-more-sessions@openssh.com", false));
  server->expect_well();
  server->say(channel_open(2));
  server->expect_refused();
  EXPECT_FALSE(server->client.got(91));
}

TEST(Channels, TinyPacketsAreRefused) {
  const auto server = logged_in();
  for (const std::uint32_t max_packet : {0U, 1U, SessionChannel::least_peer_packet - 1}) {
    server->say(channel_open(1, 1000, max_packet));
    EXPECT_FALSE(server->client.take(92).empty());
  }
  server->open_channel(1, 0, SessionChannel::least_peer_packet);
  server->expect_well();
}

TEST(Channels, GlobalRequests) {
  const auto server = logged_in();
  server->say(global_request("tcpip-forward", true));
  EXPECT_EQ(server->client.take(82), message(82));
  server->say(global_request("keepalive@openssh.com", false));
  EXPECT_TRUE(server->client.received.empty());
  server->say(message(81));
  server->say(message(82));
  server->expect_well();
  server->say(message(80));
  server->expect_refused();
}

TEST(Channels, EveryTruncation) {
  std::vector<Bytes> whole{channel_open(1),
                           subsystem_request(0, "echo"),
                           channel_data(0, pattern(20)),
                           channel_stderr(0, pattern(20)),
                           window_adjust(0, 5),
                           message(96, 0),
                           message(97, 0),
                           global_request("name", true)};
  for (const Bytes& request : whole) {
    for (std::size_t size = 1; size < request.size(); ++size) {
      const auto server = logged_in();
      server->open_channel(9);
      server->say(ByteSpan(request).first(size));
      const bool in_the_subsystems_name = number_of(request) == msg::channel_request && size > 18;
      if (in_the_subsystems_name) {
        EXPECT_TRUE(server->client.got(100)) << size;
      } else {
        EXPECT_TRUE(server->error) << int(number_of(request)) << " cut to " << size;
      }
      EXPECT_TRUE(server->handler.services_started.empty());
    }
  }
}

// --- messages for channels that are not there ---

TEST(Channels, NoSuchChannel) {
  for (const std::uint32_t id : {1U, 4U, 0xffffffffU}) {
    for (const Bytes& payload :
         {window_adjust(id, 1), channel_data(id, pattern(1)), channel_stderr(id, pattern(1)), message(96, id),
          message(97, id), subsystem_request(id, "echo"), message(99, id), message(100, id)}) {
      const auto server = logged_in();
      server->open_channel(1);
      server->say(payload);
      server->expect_refused();
    }
  }
}

TEST(Channels, AnswersToWhatWasNeverAsked) {
  for (const std::uint8_t number : {91, 92}) {
    const auto server = logged_in();
    server->say(ByteWriter().u8(number).u32(0).u32(0).u32(1000).u32(1000).take());
    server->expect_refused();
  }
}

// --- requests ---

TEST(Channels, ServicesStart) {
  for (const auto& [request, name] : {std::pair<Bytes, const char*>{subsystem_request(0, "echo"), "subsystem echo"},
                                      {exec_request(0, "echo"), "exec echo"}}) {
    const auto server = logged_in();
    server->open_channel(8);
    server->say(request);
    EXPECT_EQ(server->client.take(99), message(99, 8));
    EXPECT_EQ(server->handler.services_started, std::vector<std::string>{name});
    server->say(channel_data(0, as_bytes("hello")));
    EXPECT_EQ(as_text(server->take_data(8)), "hello");
    server->expect_well();
  }
}

TEST(Channels, SuccessComesBeforeTheServicesOutput) {
  const auto server = logged_in();
  server->open_channel(8);
  server->say(exec_request(0, "source 10"));
  EXPECT_EQ(server->take_numbers(), (std::vector<std::uint8_t>{99, 94, 98, 96, 97}));
}

TEST(Channels, UnknownRequests) {
  const auto server = logged_in();
  server->open_channel(8);
  for (const char* type :
       {"pty-req", "env", "x11-req", "auth-agent-req@openssh.com", "signal", "window-change", "", "eow@openssh.com"}) {
    server->say(channel_request(0, type, true).bytes(pattern(12)).take());
    EXPECT_EQ(server->client.take(100), message(100, 8)) << type;
    server->say(channel_request(0, type, false).bytes(pattern(12)).take());
    EXPECT_TRUE(server->client.received.empty()) << type;
  }
  server->expect_well();
}

TEST(Channels, RefusedServices) {
  const auto server = logged_in();
  server->open_channel(8);
  for (const Bytes& request :
       {subsystem_request(0, "refused"), exec_request(0, "refused"), channel_request(0, "shell").take(),
        channel_request(0, "subsystem").string(std::string_view("echo")).u8(0).take(),
        channel_request(0, "subsystem").take(), channel_request(0, "shell").u8(0).take()}) {
    server->say(request);
    EXPECT_EQ(server->client.take(100), message(100, 8));
  }
  server->say(subsystem_request(0, "echo"));  // one that was refused does not spoil the next
  EXPECT_TRUE(server->client.got(99));
  server->expect_well();
}

// RFC 4254 section 6.5: only one of shell, exec and subsystem can succeed on a channel.
TEST(Channels, OneServiceEach) {
  const auto server = logged_in();
  server->open_service(8, "echo");
  server->say(subsystem_request(0, "hold"));
  EXPECT_EQ(server->client.take(100), message(100, 8));
  server->say(exec_request(0, "echo"));
  EXPECT_EQ(server->client.take(100), message(100, 8));
  EXPECT_EQ(server->handler.services_started.size(), 1U);
}

TEST(Channels, NoServiceOnceTheFirstHasEnded) {
  const auto server = logged_in();
  server->open_channel(8);
  server->say(exec_request(0, "quiet"));
  ASSERT_EQ(server->take_numbers(), (std::vector<std::uint8_t>{99, 98, 96, 97}));
  // The client has not closed yet: what it asks now crossed our CLOSE, and after that nothing may be sent.
  server->say(exec_request(0, "echo"));
  server->say(subsystem_request(0, "echo"));
  EXPECT_TRUE(server->client.received.empty());
  EXPECT_EQ(server->handler.services_started.size(), 1U);
  server->expect_well();
}

TEST(Channels, ServicesRunSideBySide) {
  const auto server = logged_in();
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(server->open_service(50 + i, "echo"), i);
  for (int round = 0; round < 10; ++round) {
    for (std::uint32_t i = 0; i < 4; ++i) server->client.send(channel_data(i, pattern(1000, i)));
    server->pump();
    for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(server->take_data(50 + i), pattern(1000, i));
  }
  server->expect_well();
}

TEST(Channels, FailingServiceEndsItsChannelAlone) {
  const auto server = logged_in();
  server->open_service(1, "echo");
  server->open_channel(2);
  server->say(exec_request(1, "fail"));
  server->client.take(99);
  const Bytes status = server->client.take(98);
  EXPECT_EQ(status, channel_request(2, "exit-status", false).u32(255).take());
  EXPECT_TRUE(server->client.got(97));
  server->say(channel_data(0, as_bytes("still here")));
  EXPECT_EQ(as_text(server->take_data(1)), "still here");
  server->expect_well();
}

TEST(Channels, ExitStatusOnceAndAsGiven) {
  const auto server = logged_in();
  server->open_channel(3);
  server->say(exec_request(0, "source 5"));
  EXPECT_EQ(server->client.take(98), channel_request(3, "exit-status", false).u32(7).take());
  EXPECT_FALSE(server->client.got(98));
}
// --- the end of a channel (RFC 4254 section 5.3) ---

TEST(ChannelEnd, ClientsEofFirst) {
  const auto server = logged_in();
  server->open_service(8, "echo");
  server->client.send(channel_data(0, as_bytes("last words")));
  server->client.send(message(96, 0));
  server->pump();
  EXPECT_EQ(as_text(server->take_data(8)), "last words");
  EXPECT_EQ(server->take_numbers(), (std::vector<std::uint8_t>{98, 96, 97}));
  EXPECT_EQ(server->handler.services_ended.size(), 1U);
  server->say(message(97, 0));
  EXPECT_TRUE(server->client.received.empty()) << "CLOSE was sent already";
  server->expect_well();
  server->say(message(97, 0));
  server->expect_refused();  // the channel is no more
}

TEST(ChannelEnd, ClientsCloseWhileServing) {
  const auto server = logged_in();
  server->open_service(8, "hold");
  server->say(message(97, 0));
  EXPECT_EQ(server->services_running, 0);
  const auto numbers = server->take_numbers();
  ASSERT_FALSE(numbers.empty());
  EXPECT_EQ(numbers.back(), 97);
  EXPECT_EQ(std::ranges::count(numbers, 97), 1);
  server->expect_well();
  EXPECT_EQ(server->open_channel(9), 0U) << "the number is free";
}

TEST(ChannelEnd, ClientsCloseWithoutAService) {
  const auto server = logged_in();
  server->open_channel(8);
  server->say(message(97, 0));
  EXPECT_EQ(server->take_numbers().back(), 97);
  EXPECT_EQ(server->open_channel(9), 0U);
}

TEST(ChannelEnd, ServersEndFirst) {
  const auto server = logged_in();
  server->open_channel(8);
  server->say(exec_request(0, "quiet"));
  EXPECT_EQ(server->take_numbers(), (std::vector<std::uint8_t>{99, 98, 96, 97}));
  // What the client sent before it saw our CLOSE is dropped.
  server->say(channel_data(0, pattern(1000)));
  server->say(channel_stderr(0, pattern(1000)));
  server->say(window_adjust(0, 1000));
  server->say(message(96, 0));
  EXPECT_TRUE(server->client.received.empty());
  server->expect_well();
  server->say(message(97, 0));
  server->expect_well();
  EXPECT_EQ(server->open_channel(9), 0U);
}

TEST(ChannelEnd, NoEndlessDataAfterOurClose) {
  const auto server = logged_in();
  server->open_channel(8);
  server->say(exec_request(0, "quiet"));
  for (int i = 0; i < 100 && !server->error; ++i) server->say(channel_data(0, Bytes(largest)));
  server->expect_refused();  // the window is never given back
}

TEST(ChannelEnd, DataAfterEofOrClose) {
  for (const std::uint8_t end : {96, 97}) {
    for (const bool to_stderr : {false, true}) {
      const auto server = logged_in();
      server->open_service(8, "stubborn");
      server->say(message(end, 0));
      server->say(to_stderr ? channel_stderr(0, pattern(1)) : channel_data(0, pattern(1)));
      server->expect_refused();
    }
  }
}

TEST(ChannelEnd, EverythingAfterClose) {
  for (const Bytes& payload : {subsystem_request(0, "echo"), window_adjust(0, 1), message(96, 0), message(97, 0)}) {
    const auto server = logged_in();
    server->open_service(8, "stubborn");
    server->say(message(97, 0));
    EXPECT_EQ(server->services_running, 1);
    server->say(payload);
    server->expect_refused();
  }
}

TEST(ChannelEnd, OurCloseWaitsForTheService) {
  const auto server = logged_in();
  server->open_service(8, "stubborn");
  server->say(message(97, 0));
  EXPECT_TRUE(server->client.received.empty());
  EXPECT_EQ(server->open_channel(9), 1U) << "the number is not free yet";
  server->handler.stop_stubborn();
  server->pump();
  EXPECT_EQ(server->take_numbers().back(), 97);
  EXPECT_EQ(server->open_channel(10), 0U);
  server->expect_well();
}

TEST(ChannelEnd, RequestsAfterEofAreAnswered) {
  const auto server = logged_in();
  server->open_channel(8);
  server->say(message(96, 0));
  server->say(exec_request(0, "source 10"));
  EXPECT_EQ(server->take_data(8), pattern(10));
  server->expect_well();
}

TEST(ChannelEnd, AbortEndsEveryService) {
  const auto server = logged_in();
  server->open_service(1, "echo");
  server->open_service(2, "hold");
  server->open_service(3, "source 1000", 0);
  EXPECT_EQ(server->services_running, 3);
  server->channels->abort();
  server->run();
  EXPECT_EQ(server->services_running, 0);
  EXPECT_EQ(server->handler.services_ended.size(), 3U);
}

// Re-keys in the middle of data both ways lose and repeat nothing.
TEST(Channels, RekeyInTheMiddleOfData) {
  for (const bool by_client : {false, true}) {
    TransportOptions options = transport_options();
    if (!by_client) options.rekey_bytes = 60'000;
    Server server(options, MemoryServer::Limits{});
    server.log_in();
    server.open_service(1, "echo", 0xffffffff);
    Bytes sent, back;
    for (unsigned i = 0; i < 200; ++i) {
      const Bytes data = pattern(1 + i * 131 % 9000, i);
      append(sent, data);
      server.client.send(channel_data(0, data));
      if (by_client && i % 10 == 0) server.client.send_kexinit();
      server.transport.rekey_if_due(server.time);
      if (server.client.exchanging() || i % 3 == 0) server.pump();
    }
    server.pump();
    EXPECT_EQ(server.take_data(1), sent);
    EXPECT_GE(server.client.exchanges(), 8);
    server.expect_well();
  }
}

}  // namespace
}  // namespace ferry::ssh::test
