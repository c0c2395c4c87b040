#include "server/ssh/stdio_channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>

#include "base/descriptor.h"

namespace ferry::server {
namespace {

// A channel whose client has its ends.
struct Client {
  std::unique_ptr<StdioChannel> channel;
  Descriptor input, output;
};

Client over_pipes(asio::io_context& io) {
  std::array<int, 2> in{}, out{};
  EXPECT_EQ(::pipe(in.data()), 0);
  EXPECT_EQ(::pipe(out.data()), 0);
  auto channel = StdioChannel::open(io.get_executor(), in[0], out[1], "id", std::chrono::milliseconds(1));
  return {std::move(*channel), Descriptor(in[1]), Descriptor(out[0])};
}

Client over_a_socket(asio::io_context& io) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  auto channel = StdioChannel::open(io.get_executor(), ends[0], ::dup(ends[0]), "id", std::chrono::milliseconds(1));
  return {std::move(*channel), Descriptor(ends[1]), Descriptor()};
}

TEST(StdioChannel, NoticesThatItsClientLeftWhileNothingIsWritten) {
  for (const auto& open : {over_pipes, over_a_socket}) {
    asio::io_context io;
    Client client = open(io);
    int told = 0;
    client.channel->on_closed([&told] { ++told; });
    io.poll();
    EXPECT_FALSE(client.channel->closed());
    client.input = Descriptor();
    client.output = Descriptor();
    while (!client.channel->closed()) io.run_one();
    EXPECT_EQ(told, 1);
    while (!client.channel->aborted()) io.run_one();  // when what had come was given its time
  }
}

TEST(StdioChannel, TheEndOfInputIsNoLeaving) {
  asio::io_context io;
  Client client = over_pipes(io);
  client.input = Descriptor();
  io.poll();
  EXPECT_FALSE(client.channel->closed());
}

}  // namespace
}  // namespace ferry::server
