#include "tests/unit/ssh/loopback.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/steady_timer.hpp>
#include <stdexcept>

#include "ssh/keys/private_key.h"
#include "tests/unit/ssh/link.h"
#include "tests/unit/ssh/packet_support.h"

namespace ferry::ssh::test {
namespace {

Task<void> echo_service(Channel& channel) {
  while (true) {
    const bool more = co_await channel.wait_input(0);
    if (!more) break;
    Bytes data;
    for (const ByteSpan fragment : channel.input()) append(data, fragment);
    channel.consume(data.size());
    const Result<void> written = co_await channel.write(data);
    if (!written) break;
  }
}

Task<void> flood_service(Channel& channel, Shared& shared) {
  const Bytes data(100'000, std::byte{'f'});
  while (true) {
    const Result<void> written = co_await channel.write(data);
    if (!written) break;
    shared.written += data.size();
  }
}

Task<void> compose_service(Channel& channel, Shared& shared) {
  constexpr std::size_t size = 64 * 1024;
  while (true) {
    const auto pieces = channel.reserve_output(size);
    if (!pieces.empty()) {
      for (const iovec& piece : pieces) std::fill_n(static_cast<char*>(piece.iov_base), piece.iov_len, 'c');
      channel.commit_output(size);
      shared.written += size;
      continue;
    }
    const bool room = co_await channel.wait_output(size);
    if (!room) break;
  }
}

Task<void> count_service(Channel& channel, Shared& shared) {
  while (true) {
    const bool more = co_await channel.wait_input(0);
    if (!more) break;
    shared.counted += channel.input_size();
    channel.consume(channel.input_size());
  }
}

// Answers every piece, heard or not, and takes the next one only later.
Task<void> slow_service(Channel& channel, Shared& shared) {
  constexpr std::size_t piece = 1000;
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (!channel.aborted()) {
    if (channel.input_size() == 0) {
      const bool more = co_await channel.wait_input(0);
      if (!more) break;
    }
    timer.expires_after(std::chrono::milliseconds(5));
    co_await timer.async_wait(asio::use_awaitable);
    const std::size_t count = std::min(piece, channel.input_size());
    channel.consume(count);
    shared.counted += count;
    co_await channel.write(Bytes(10));
  }
}

Task<void> stubborn_service(Shared& shared) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (!shared.release) {
    timer.expires_after(std::chrono::milliseconds(20));
    co_await timer.async_wait(asio::use_awaitable);
  }
}

Task<void> run_service(Channel& channel, Shared& shared, std::string name) {
  ++shared.services;
  if (name == "echo") co_await echo_service(channel);
  if (name == "flood") co_await flood_service(channel, shared);
  if (name == "compose") co_await compose_service(channel, shared);
  if (name == "count") co_await count_service(channel, shared);
  if (name == "slow") co_await slow_service(channel, shared);
  if (name == "stubborn") co_await stubborn_service(shared);
  --shared.services;
}

class LoopbackHandler final : public ServerHandler {
 public:
  explicit LoopbackHandler(Shared& shared) : shared_(shared) { ++shared_.handlers; }
  ~LoopbackHandler() override { --shared_.handlers; }
  void client_known(const std::string& version, const std::string& /*algorithms*/) override {
    const std::lock_guard lock(shared_.mutex);
    shared_.versions.push_back(version);
  }
  Task<AuthOutcome> authenticate_password(std::string, crypto::Secret password) override {
    co_return AuthOutcome{password.text() == "right" ? AuthOutcome::Verdict::success : AuthOutcome::Verdict::failure,
                          "password"};
  }
  ChannelService subsystem(std::string_view name) override {
    return
        [&shared = shared_, name = std::string(name)](Channel& channel) { return run_service(channel, shared, name); };
  }

 private:
  Shared& shared_;
};

}  // namespace

bool eventually(const std::function<bool()>& done, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

// --- Loopback ---

Loopback::Loopback(ServerOptions options) {
  if (options.host_keys.empty()) options.host_keys = {host_key(PrivateKey::Kind::ed25519)};
  if (options.offer.ciphers.empty() && options.offer.macs.empty()) offer_everything(options.offer);
  std::vector<asio::io_context*> all;
  for (int i = 0; i < 2; ++i) all.push_back(contexts_.emplace_back(std::make_unique<asio::io_context>(1)).get());
  server = std::make_unique<Server>(
      std::move(options),
      [this](const PeerInfo& peer, std::function<void(std::string)> disconnect) -> std::unique_ptr<ServerHandler> {
        if (shared.refuse) return nullptr;
        const std::lock_guard lock(shared.mutex);
        shared.peers.push_back(peer);
        shared.disconnects.push_back(std::move(disconnect));
        return std::make_unique<LoopbackHandler>(shared);
      },
      all);
  const Result<void> checked = server->check();
  if (!checked) throw std::runtime_error(checked.error().message);
  const Result<std::uint16_t> bound = server->listen({.address = "127.0.0.1", .port = 0});
  if (!bound) throw std::runtime_error(bound.error().message);
  port = *bound;
  for (asio::io_context* context : all) {
    threads_.emplace_back([context] {
      const auto guard = asio::make_work_guard(*context);
      context->run();
    });
  }
}

Loopback::~Loopback() {
  shared.release = true;
  server.reset();
  eventually([this] { return shared.handlers == 0 && shared.services == 0; });
  for (const auto& context : contexts_) context->stop();
  for (std::thread& thread : threads_) thread.join();
}

// --- SocketClient ---

SocketClient::SocketClient(std::uint16_t port, int receive_buffer)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (receive_buffer > 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  closed_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0;
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::fcntl(socket_, F_SETFL, ::fcntl(socket_, F_GETFL) | O_NONBLOCK);
}

SocketClient::~SocketClient() { close(); }

void SocketClient::close() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  closed_ = true;
}

bool SocketClient::all_delivered() const {
  int left = 0;
  return ::ioctl(socket_, SIOCOUTQ, &left) == 0 && left == 0;
}

void SocketClient::reset() {
  const linger now{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

bool SocketClient::step(int timeout) {
  append(unsent_, protocol.take_output());
  pollfd poll{socket_, static_cast<short>(POLLIN | (unsent_.empty() ? 0 : POLLOUT)), 0};
  ::poll(&poll, 1, timeout);
  if (!unsent_.empty()) {
    const ssize_t sent = ::send(socket_, unsent_.data() + sent_, unsent_.size() - sent_, MSG_NOSIGNAL);
    if (sent > 0) sent_ += static_cast<std::size_t>(sent);
    if (sent_ == unsent_.size()) {
      unsent_.clear();
      sent_ = 0;
    }
  }
  Bytes buffer(256 * 1024);
  const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), 0);
  if (count > 0) protocol.receive(ByteSpan(buffer).first(static_cast<std::size_t>(count)));
  closed_ = count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
  return !closed_;
}

bool SocketClient::pump_until(const std::function<bool()>& done, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (closed_ || std::chrono::steady_clock::now() > end) return done();
    step(20);
  }
  append(unsent_, protocol.take_output());
  while (!closed_ && !unsent_.empty() && std::chrono::steady_clock::now() < end) step(20);
  return true;
}

bool SocketClient::pump_until_closed(std::chrono::milliseconds limit) {
  pump_until([this] { return closed_; }, limit);
  return closed_;
}

std::size_t SocketClient::push(ByteSpan bytes) {
  std::size_t pushed = 0;
  while (pushed < bytes.size()) {
    const ssize_t sent = ::send(socket_, bytes.data() + pushed, bytes.size() - pushed, MSG_NOSIGNAL);
    if (sent > 0) {
      pushed += static_cast<std::size_t>(sent);
      continue;
    }
    pollfd poll{socket_, POLLOUT, 0};
    if (errno != EAGAIN || ::poll(&poll, 1, 500) == 0) break;
  }
  unsent_ = copy(bytes.subspan(pushed));
  return pushed;
}

bool SocketClient::connect() {
  protocol.send_version();
  return pump_until([this] { return protocol.exchanges() == 1; });
}

bool SocketClient::log_in() {
  if (!connect()) return false;
  protocol.send(service_request());
  protocol.send(password_request("user", "right"));
  return pump_until([this] { return !protocol.take(msg::userauth_success).empty(); });
}

bool SocketClient::start(std::uint32_t id, std::string_view subsystem, std::uint32_t window) {
  protocol.send(channel_open(id, window));
  if (!pump_until([this] { return protocol.got(msg::channel_open_confirmation); })) return false;
  ByteReader in(protocol.received.back());
  in.bytes(5);
  protocol.send(subsystem_request(in.u32(), subsystem));
  protocol.take(msg::channel_open_confirmation);
  return pump_until([this] { return !protocol.take(msg::channel_success).empty(); });
}

bool SocketClient::echo(const Bytes& data) {
  // A client may not send data between its own KEXINIT and NEWKEYS (RFC 4253 section 7.1).
  if (!pump_until([this] { return !protocol.exchanging(); })) return false;
  for (std::size_t at = 0; at < data.size(); at += 32'768) {
    protocol.send(channel_data(0, ByteSpan(data).subspan(at, std::min<std::size_t>(32'768, data.size() - at))));
  }
  Bytes back;
  pump_until([&] {
    for (Bytes payload = protocol.take(msg::channel_data); !payload.empty();
         payload = protocol.take(msg::channel_data)) {
      append(back, ByteSpan(payload).subspan(9));
    }
    return back.size() >= data.size();
  });
  return back == data && protocol.violation.empty();
}

std::string SocketClient::disconnect_text() {
  const Bytes payload = protocol.take(msg::disconnect);
  ByteReader in(payload);
  in.bytes(5);
  return std::string(in.string());
}

}  // namespace ferry::ssh::test
