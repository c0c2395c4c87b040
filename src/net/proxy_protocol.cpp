#include "net/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>

namespace ferry::net {

namespace {

using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds longest_pause{200};

// What has come, without taking it. Empty: nothing yet.
Result<ByteSpan> peek(tcp::socket& socket, MutableByteSpan buffer) {
  error_code error;
  const std::size_t count =
      socket.receive(asio::buffer(buffer.data(), buffer.size()), asio::socket_base::message_peek, error);
  if (error == asio::error::would_block) return ByteSpan();
  if (error) return fail(ErrorCode::connection_lost, error.message());
  return ByteSpan(buffer.first(count));
}

Result<std::optional<ProxyHeader>> take(tcp::socket& socket, MutableByteSpan header) {
  error_code error;
  const std::size_t count = socket.receive(asio::buffer(header.data(), header.size()), 0, error);
  if (error || count != header.size()) return fail(ErrorCode::connection_lost, "the PROXY header has gone");
  const auto parsed = parse_proxy_header(header);
  if (!parsed) return fail(parsed.error());
  return *parsed;
}

}  // namespace

// A header lies ready when a connection is accepted, or comes a moment later: looking again after growing pauses costs
// a few calls even where nothing ever comes, and needs no other hand on the socket.
Task<Result<std::optional<ProxyHeader>>> read_proxy_header(tcp::socket& socket, std::chrono::milliseconds time) {
  std::array<std::byte, max_proxy_header> buffer;
  error_code ignored;
  socket.non_blocking(true, ignored);
  asio::steady_timer timer(socket.get_executor());
  const auto end = Clock::now() + time;
  for (std::chrono::milliseconds pause{1};; pause = std::min(2 * pause, longest_pause)) {
    const auto seen = peek(socket, buffer);
    if (!seen) co_return fail(seen.error());
    const auto scan = scan_proxy_header(*seen);
    if (!scan) co_return fail(scan.error());
    if (scan->state == ProxyScan::State::complete) co_return take(socket, MutableByteSpan(buffer).first(scan->size));
    if (scan->state == ProxyScan::State::absent) co_return std::nullopt;
    if (Clock::now() >= end) {
      if (seen->empty()) co_return std::nullopt;
      co_return fail(ErrorCode::protocol_error, "PROXY header: it does not end");
    }
    timer.expires_after(pause);
    const auto [error] = co_await timer.async_wait(as_tuple);
    if (error) co_return fail(ErrorCode::aborted, error.message());
  }
}

}  // namespace ferry::net
