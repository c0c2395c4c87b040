#include "ssh/driver/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>

#include "base/log.h"

namespace ferry::ssh {

namespace {

constexpr std::string_view connection_sender = "sshd";
constexpr int most_unanswered_keepalives = 3;
// A peer that makes us answer but does not read is not read from either. Strangers get less: there may be many.
constexpr std::size_t most_pending_output = 1024 * 1024;
constexpr std::size_t most_pending_before_auth = 64 * 1024;
constexpr std::size_t most_read_before_auth = 40 * 1024;  // at once
// Replies that a key exchange may hold back.
constexpr std::size_t most_held_back = 1024 * 1024;
constexpr std::chrono::seconds longest_exchange{120};
// How long, and for how many bytes, a client that was told to go may go on sending.
constexpr std::chrono::seconds longest_linger{1};
constexpr std::size_t most_lingering = 4 * 1024 * 1024;
// How long one that left may keep us busy with what it had asked for.
constexpr std::chrono::seconds longest_aftermath{60};

// A client that never pauses lets the others of its thread have a turn after this many.
constexpr unsigned receives_before_yield = 16;

// Less than this at once is a request whose answer the client waits for: nothing follows it now.
constexpr std::size_t small_receive = 4096;

SteadyTime now() { return std::chrono::steady_clock::now(); }

DisconnectReason reason_for(const Error& error) {
  switch (error.code) {
    case ErrorCode::authentication_failed: return DisconnectReason::no_more_auth_methods_available;
    case ErrorCode::limit_exceeded: return DisconnectReason::too_many_connections;
    case ErrorCode::unsupported: return DisconnectReason::key_exchange_failed;
    case ErrorCode::aborted:
    case ErrorCode::timeout: return DisconnectReason::by_application;
    default: return DisconnectReason::protocol_error;
  }
}

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, PeerInfo peer,
                       std::shared_ptr<const TransportOptions> transport_options, const ServerOptions& options)
    : socket_(std::move(socket)),
      peer_(std::move(peer)),
      login_grace_time_(options.login_grace_time),
      keepalive_interval_(options.keepalive_interval),
      max_auth_tries_(options.max_auth_tries),
      max_channels_(options.max_channels),
      transport_(std::move(transport_options)),
      watchdog_(socket_.get_executor()),
      service_ended_(socket_.get_executor()),
      started_(now()),
      last_received_(started_) {}

Task<void> Connection::run(std::unique_ptr<ServerHandler> handler) {
  handler_ = std::move(handler);
  auth_ = std::make_unique<UserAuth>(transport_, *handler_, max_auth_tries_);
  channels_ = std::make_unique<Channels>(transport_, *this, *handler_, max_channels_,
                                         [this](std::shared_ptr<SessionChannel> channel, ChannelService service) {
                                           start_service(std::move(channel), std::move(service));
                                         });
  asio::co_spawn(
      socket_.get_executor(), [self = shared_from_this()] { return self->watch(); }, asio::detached);
  transport_.start(now());
  Error why{ErrorCode::internal, "unexpected exception"};
  try {
    const Result<void> served = co_await serve();
    why = served ? Error{ErrorCode::connection_lost, "closed by the client"} : served.error();
  } catch (const std::exception& exception) {
    why.message = exception.what();
  }
  co_await finish(std::move(why));
}

Task<void> Connection::finish(Error why) {
  leaving_ = true;
  const bool told = !disconnect_reason_.empty();
  if (told) why = Error{ErrorCode::aborted, disconnect_reason_};
  log::debug(connection_sender, peer_.connection_id, "connection from {} ends: {}", peer_.remote_address, why.message);
  if (why.code == ErrorCode::unsupported && transport_.before_first_keys()) handler_->negotiation_failed(why.message);
  channels_->resume_readers();  // what came before the end counts
  if (why.code == ErrorCode::connection_lost) {
    channels_->client_left();
  } else {
    channels_->abort();
    if (!told) {
      transport_.disconnect(reason_for(why), why.code == ErrorCode::internal ? "internal error" : why.message);
      flush();
    }
    co_await linger();
  }
  close_socket();
  if (services_ > 0) {
    watchdog_.expires_after(longest_aftermath);
    watchdog_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error) self->channels_->abort();
    });
  }
  while (services_ > 0) co_await service_ended_.wait();
  watchdog_.cancel();
}

// A socket that is closed with input unread resets the connection, and the reset may overtake our last words.
Task<void> Connection::linger() {
  const SteadyTime until = now() + longest_linger;
  watchdog_.expires_at(until);
  watchdog_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->close_socket();
  });
  std::array<std::byte, 16 * 1024> unread;
  std::size_t taken = 0;
  bool said_all = false;
  while (!closed_ && taken < most_lingering && now() < until) {
    if (!said_all && transport_.output().pending() == 0) {
      said_all = true;
      boost::system::error_code ignored;
      socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    }
    const ssize_t count = ::recv(socket_.native_handle(), unread.data(), unread.size(), MSG_DONTWAIT);
    if (count > 0) {
      taken += static_cast<std::size_t>(count);
      continue;
    }
    if (count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) break;
    boost::system::error_code error;
    co_await socket_.async_wait(asio::ip::tcp::socket::wait_read, asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
  }
}

std::chrono::microseconds Connection::round_trip() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  // asio's native_handle() is not const.
  const int descriptor = const_cast<asio::ip::tcp::socket&>(socket_).native_handle();
  if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::chrono::microseconds(0);
  return std::chrono::microseconds(info.tcpi_rtt);
}

void Connection::close_socket() {
  if (closed_) return;
  closed_ = true;
  boost::system::error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
  watchdog_.cancel();
}

void Connection::request_disconnect(std::string reason) {
  asio::post(socket_.get_executor(), [self = shared_from_this(), reason = std::move(reason)]() mutable {
    if (!self->disconnect_reason_.empty()) return;
    self->disconnect_reason_ = reason.empty() ? "disconnected by the server" : std::move(reason);
    if (self->closed_) {  // the client left, and services go on with what it had asked for
      self->channels_->abort();
      return;
    }
    self->transport_.disconnect(DisconnectReason::by_application, self->disconnect_reason_);
    self->flush();
    self->leaving_ = true;
    if (self->channels_) self->channels_->abort();
    boost::system::error_code ignored;
    self->socket_.cancel(ignored);  // serve() ends, and finish() takes leave
  });
}

Task<Result<void>> Connection::serve() {
  while (true) {
    Result<Transport::Event> event = transport_.next();
    if (!event) co_return fail(event.error());
    Result<void> done;
    if (auto* packet = std::get_if<Transport::Packet>(&*event)) {
      if (authenticated_) {
        done = channels_->handle(packet->payload, transport_.input().block());
      } else {
        done = co_await authenticate(packet->payload);
      }
    } else if (auto* exchange = std::get_if<Transport::RunExchange>(&*event)) {
      done = co_await run_exchange_step(std::move(exchange->input));
    } else {
      done = co_await receive();
    }
    if (!done) co_return fail(done.error());
    if (transport_.held_back() > most_held_back) co_return fail(ErrorCode::protocol_error, "key exchange does not end");
  }
}

Task<Result<void>> Connection::run_exchange_step(ExchangeInput input) {
  Result<ExchangeResult> result;
  if (input.method->finite_field) {
    result = co_await run_blocking(Lane::compute, [&input] { return run_exchange(input); });
  } else {
    result = run_exchange(input);
  }
  if (!result) co_return fail(result.error());
  if (over()) co_return fail(ErrorCode::aborted, "closed");
  last_exchange_ = now();
  const bool first = transport_.before_first_keys();
  transport_.finish_exchange(std::move(*result), now());
  if (first) handler_->client_known(transport_.client_version(), describe(transport_.negotiated()));
  channels_->output_progress();
  flush();
  co_return Result<void>{};
}

Task<Result<void>> Connection::authenticate(ByteSpan payload) {
  Result<void> handled = co_await auth_->handle(payload);
  authenticated_ = auth_->authenticated();
  if (over() && handled) handled = fail(ErrorCode::aborted, "closed");
  co_return handled;
}

// --- input ---

Task<Result<void>> Connection::receive() {
  transport_.rekey_if_due(last_received_);
  channels_->resume_readers();  // before the next receive, so that the block that holds their input is free again
  flush();
  const std::size_t most_pending = authenticated_ ? most_pending_output : most_pending_before_auth;
  while (true) {
    if (over()) co_return fail(ErrorCode::aborted, "closed");
    if (transport_.output().pending() < most_pending && !std::exchange(drained_, false)) {
      MutableByteSpan space = transport_.input().space();
      if (!authenticated_) space = space.first(std::min(space.size(), most_read_before_auth));
      const ssize_t count = ::recv(socket_.native_handle(), space.data(), space.size(), MSG_DONTWAIT);
      if (count > 0) {
        transport_.input().received(static_cast<std::size_t>(count));
        last_received_ = now();
        unanswered_keepalives_ = 0;
        drained_ = static_cast<std::size_t>(count) < std::min(small_receive, space.size());
        if (++receives_ % receives_before_yield == 0) co_await asio::post(socket_.get_executor(), asio::use_awaitable);
        if (over()) co_return fail(ErrorCode::aborted, "closed");
        co_return Result<void>{};
      }
      if (count == 0) co_return fail(ErrorCode::connection_lost, "closed by the client");
      if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        co_return fail(ErrorCode::connection_lost, "connection reset");
      }
    }
    transport_.input().shrink();
    boost::system::error_code error;
    const auto what = transport_.output().pending() < most_pending ? asio::ip::tcp::socket::wait_read
                                                                   : asio::ip::tcp::socket::wait_write;
    receives_ = 0;
    co_await socket_.async_wait(what, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return fail(ErrorCode::connection_lost, "connection lost");
    if (what == asio::ip::tcp::socket::wait_write) flush();
  }
}

// --- output ---

void Connection::flush() {
  PacketOutput& output = transport_.output();
  if (waiting_writable_ || closed_ || output.pending() == 0) return;
  if (output_lost_) output.sent(output.pending());
  while (output.pending() > 0) {
    std::array<iovec, 8> pieces;
    const auto filled = output.pieces(pieces);
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(filled.data());
    message.msg_iovlen = filled.size();
    const ssize_t count = ::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        wait_writable();
        break;
      }
      if (errno != EPIPE && errno != ECONNRESET) {
        close_socket();  // the receiving side sees it and ends the connection
        break;
      }
      output_lost_ = true;  // what came before may still be there to be read, and its end
      output.sent(output.pending());
      break;
    }
    output.sent(static_cast<std::size_t>(count));
    if (static_cast<std::size_t>(count) > small_receive) drained_ = false;  // more may have come meanwhile
  }
  if (channels_) channels_->output_progress();
}

void Connection::wait_writable() {
  waiting_writable_ = true;
  socket_.async_wait(asio::ip::tcp::socket::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->waiting_writable_ = false;
                       if (!error) self->flush();
                     });
}

// --- services ---

void Connection::start_service(std::shared_ptr<SessionChannel> channel, ChannelService service) {
  ++services_;
  asio::co_spawn(socket_.get_executor(), run_service(shared_from_this(), std::move(channel), std::move(service)),
                 asio::detached);
}

Task<void> Connection::run_service(std::shared_ptr<Connection> self, std::shared_ptr<SessionChannel> channel,
                                   ChannelService service) {
  try {
    co_await service(*channel);
    channel->send_exit_status(0);
  } catch (const std::exception& exception) {
    log::error(connection_sender, self->peer_.connection_id, "channel service failed: {}", exception.what());
    channel->send_exit_status(255);
  }
  self->channels_->finished(channel);
  --self->services_;
  self->service_ended_.notify();
}

// --- time ---

bool Connection::check_peer_is_alive(SteadyTime time) {
  if (keepalive_interval_.count() == 0 || time - last_received_ < keepalive_interval_) return true;
  if (++unanswered_keepalives_ > most_unanswered_keepalives) return false;
  ByteWriter out(64);
  out.u8(msg::global_request).string(std::string_view("keepalive@openssh.com")).boolean(true);
  transport_.send(out.data());
  flush();
  return true;
}

// Wakes now and then: login grace time, keepalives, re-keying by time, key exchanges that do not end.
Task<void> Connection::watch() {
  const auto self = shared_from_this();
  SteadyTime exchanging_since = started_;
  while (!over()) {
    constexpr std::chrono::seconds longest_nap{60};
    const auto nap = keepalive_interval_.count() > 0 ? std::min(keepalive_interval_, longest_nap) : longest_nap;
    const SteadyTime next = authenticated_ ? now() + nap : std::min(now() + longest_nap, started_ + login_grace_time_);
    watchdog_.expires_at(next);
    boost::system::error_code cancelled;
    co_await watchdog_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    if (over()) co_return;
    const SteadyTime time = now();
    if (!authenticated_ && time - started_ >= login_grace_time_) {
      request_disconnect("login grace time exceeded");
      co_return;
    }
    if (!transport_.exchanging() || last_exchange_ > exchanging_since) exchanging_since = time;
    if (!authenticated_) continue;
    if (time - exchanging_since > longest_exchange) {
      request_disconnect("key exchange does not end");
      co_return;
    }
    if (!check_peer_is_alive(time)) {
      request_disconnect("no answer to keepalives");
      co_return;
    }
    transport_.rekey_if_due(time);
    flush();
  }
}

}  // namespace ferry::ssh
