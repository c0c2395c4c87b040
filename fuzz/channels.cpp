// The connection protocol after a login: opens, requests, data, windows and closes in any order, against services
// that echo. What comes back stays within the windows that were granted.
#include "ssh/channel/channels.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "fuzz/input.h"

using namespace ferry;

namespace {

Task<void> echo(ssh::Channel& channel) {
  while (true) {
    const bool more = co_await channel.wait_input(0);
    if (!more) co_return;
    const ByteSpan first = channel.input().front();
    const Bytes copy(first.begin(), first.end());
    channel.consume(copy.size());
    const Result<void> written = co_await channel.write(copy);
    if (!written) co_return;
  }
}

class Handler : public ssh::ServerHandler {
 public:
  ssh::ChannelService subsystem(std::string_view name) override {
    return name == "echo" ? ssh::ChannelService(echo) : ssh::ChannelService();
  }
  ssh::ChannelService command(std::string_view /*line*/) override { return echo; }
};

class Host final : public ssh::OutputHost {
 public:
  explicit Host(asio::io_context& context) : context_(context) {}
  void flush() override {}
  asio::any_io_executor executor() override { return context_.get_executor(); }
  const std::string& connection_id() const override { return id_; }
  std::chrono::microseconds round_trip() const override { return std::chrono::microseconds(1); }

 private:
  asio::io_context& context_;
  std::string id_ = "SSH_fuzz";
};

Task<void> serve(std::shared_ptr<ssh::SessionChannel> channel, ssh::ChannelService service, ssh::Channels* channels,
                 int* running) {
  co_await service(*channel);
  channel->send_exit_status(0);
  channels->finished(channel);
  --*running;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto options = std::make_shared<const ssh::TransportOptions>();
  fuzz::Input in(data, size);
  asio::io_context context;
  ssh::Transport transport(options);
  Handler handler;
  Host host(context);
  int running = 0;
  std::unique_ptr<ssh::Channels> channels;
  channels = std::make_unique<ssh::Channels>(
      transport, host, handler, 4, [&](std::shared_ptr<ssh::SessionChannel> channel, ssh::ChannelService service) {
        ++running;
        asio::co_spawn(context, serve(std::move(channel), std::move(service), channels.get(), &running),
                       asio::detached);
      });
  while (!in.empty()) {
    const ByteSpan message = in.message();
    if (message.empty()) continue;
    ssh::BlockRef block = ssh::BlockRef::acquire(ssh::Block::large_size);
    std::copy(message.begin(), message.end(), block->data());
    const Result<void> handled = channels->handle({block->data(), message.size()}, block);
    channels->resume_readers();
    context.poll();
    context.restart();
    if (!handled) break;
  }
  channels->abort();
  context.run();
  fuzz::require(running == 0);
  return 0;
}
