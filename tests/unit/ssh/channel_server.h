// What tests of channels share.
#pragma once

#include <gtest/gtest.h>

#include "ssh/channel/channels.h"
#include "tests/unit/ssh/memory_server.h"
#include "tests/unit/ssh/packet_support.h"

namespace ferry::ssh::test {

inline constexpr std::uint32_t window = SessionChannel::initial_window;
inline constexpr std::uint32_t largest = SessionChannel::max_packet;

// A server in memory, and what tests of channels expect of it.
struct Server : MemoryServer {
  using MemoryServer::MemoryServer;
  void expect_well() {
    ASSERT_FALSE(error) << error->message;
    EXPECT_EQ(client.violation, "");
  }
  void expect_refused(ErrorCode code = ErrorCode::protocol_error) {
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, code) << error->message;
  }
  // Sum of the WINDOW_ADJUSTs received; they are taken.
  std::uint64_t take_adjusts(std::uint32_t id) {
    std::uint64_t sum = 0;
    for (Bytes adjust = client.take(93); !adjust.empty(); adjust = client.take(93)) {
      ByteReader in(adjust);
      in.u8();
      EXPECT_EQ(in.u32(), id);
      sum += in.u32();
    }
    return sum;
  }
  std::vector<std::uint8_t> take_numbers() {
    std::vector<std::uint8_t> numbers;
    for (const Bytes& payload : client.received) numbers.push_back(number_of(payload));
    client.received.clear();
    return numbers;
  }
};

inline std::unique_ptr<Server> logged_in(MemoryServer::Limits limits = {}) {
  auto server = std::make_unique<Server>(limits);
  server->log_in();
  return server;
}

}  // namespace ferry::ssh::test
