// One connection: reads requests one after another, answers each before it reads the next.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>

#include "base/log.h"
#include "http/request_check.h"
#include "http/response_text.h"
#include "http/server_state.h"
#include "net/proxy_header.h"

namespace ferry::http {

namespace {

namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using HeaderParser = bhttp::request_parser<bhttp::empty_body>;
using BodyParser = bhttp::request_parser<bhttp::string_body>;
using PlainStream = beast::tcp_stream;
using TlsStream = asio::ssl::stream<beast::tcp_stream>;

constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable);
constexpr auto linger_time = std::chrono::seconds(2);
// Bytes a second: large bodies get more time.
constexpr std::size_t slowest_body = 256 << 10;
constexpr std::size_t linger_bytes = 1 << 20;
// Room for what a peer pipelines behind one request.
constexpr std::size_t read_ahead = 16 * 1024;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

// Whether a body ended because the peer did, and not because of what was in it (a malformed chunk, too much).
bool is_gone(const error_code& error) {
  const error_code of_the_parser = bhttp::make_error_code(bhttp::error::bad_chunk);
  return error.category() != of_the_parser.category() || error == bhttp::error::end_of_stream ||
         error == bhttp::error::partial_message;
}

// A part of the server's memory for bodies, given back at the end.
class BodyMemory {
 public:
  explicit BodyMemory(Server::State& state) : state_(state) {}
  ~BodyMemory() { state_.release_body(held_); }
  BodyMemory(const BodyMemory&) = delete;
  BodyMemory& operator=(const BodyMemory&) = delete;
  bool reserve(std::size_t size) {
    if (!state_.reserve_body(size)) return false;
    held_ += size;
    return true;
  }

 private:
  Server::State& state_;
  std::size_t held_ = 0;
};

template <class Stream>
class Connection : public ConnectionHandle, public std::enable_shared_from_this<Connection<Stream>> {
 public:
  Connection(std::shared_ptr<Server::State> state, Stream stream, net::Endpoints ends,
             std::shared_ptr<const Binding> binding)
      : state_(std::move(state)),
        stream_(std::move(stream)),
        ends_(std::move(ends)),
        binding_(std::move(binding)),
        buffer_(state_->options.max_header_bytes + read_ahead) {}

  // Keeps what must live as long as the connection.
  void keep(std::shared_ptr<void> companion) { companions_.push_back(std::move(companion)); }
  bool take_place() {
    place_ = state_->take_place(this->weak_from_this(), stream_.get_executor());
    return place_ != nullptr;
  }

  asio::any_io_executor executor() { return stream_.get_executor(); }

  void drain() override {
    draining_ = true;
    if (idle_) lowest().close();
  }
  void close() override { lowest().close(); }

  static Task<void> run(std::shared_ptr<Connection> self) {
    const bool ready = co_await self->handshake();
    bool more = ready;
    while (more) more = co_await self->serve_one();
    if (self->answered_) co_await self->shut_down();
    self->lowest().close();
  }

 private:
  static constexpr bool is_tls = std::is_same_v<Stream, TlsStream>;

  PlainStream& lowest() { return beast::get_lowest_layer(stream_); }
  const ServerOptions& options() const { return state_->options; }

  Task<bool> handshake() {
    if constexpr (is_tls) {
      lowest().expires_after(options().header_timeout);
      const auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, as_tuple);
      co_return !error;
    } else {
      co_return true;
    }
  }

  // Waits until a request begins. False: closed, timed out or draining.
  Task<bool> wait_for_request() {
    if (draining_) co_return false;
    if (buffer_.size() != 0) co_return true;
    idle_ = true;
    lowest().expires_after(options().idle_timeout);
    const auto room = buffer_.prepare(4096);
    const auto [error, count] = co_await stream_.async_read_some(room, as_tuple);
    idle_ = false;
    if (error) co_return false;
    buffer_.commit(count);
    co_return !draining_;
  }

  // One request and its response. False: the connection ends.
  Task<bool> serve_one() {
    const bool begun = co_await wait_for_request();
    if (!begun) co_return false;
    started_ = std::chrono::steady_clock::now();
    const int unreadable = co_await read_header();
    if (unreadable != 0) {
      if (unreadable > 0) co_await refuse_unreadable(unreadable);
      co_return false;
    }
    HeaderParser parser;
    parser.header_limit(static_cast<std::uint32_t>(buffer_.size()) + 1);  // read_header has checked it
    parser.body_limit(boost::none);                                       // the route's limit comes later
    error_code error;
    const bool proxied = net::begins_like_proxy_header(
        ByteSpan(static_cast<const std::byte*>(buffer_.data().data()), buffer_.data().size()));
    buffer_.consume(parser.put(buffer_.data(), error));
    if (error || !parser.is_header_done()) {
      if (proxied) {
        log::debug(options().log_sender, {},
                   "a PROXY header from {}, whose headers are not read: see common.proxy_protocol, proxy_allowed, "
                   "proxy_skipped and proxy_mode of the binding",
                   ends_.remote);
      }
      co_await refuse_unreadable(error == bhttp::error::bad_version ? 505 : 400);
      co_return false;
    }
    Request request = make_request(parser);
    bool keep_alive = parser.keep_alive();
    bool body_read = parser.is_done();
    Response response = co_await answer(request, parser, body_read);
    keep_alive = keep_alive && body_read && !draining_;
    const bool sent = co_await send(request, std::move(response), keep_alive);
    co_return sent&& keep_alive;
  }

  // Reads until the buffer holds the empty line after the fields. Beast limits what it parses at once, not the
  // sum of it, so the whole is measured here. Answers 0, or the status to refuse with, or -1 when the peer is gone.
  Task<int> read_header() {
    lowest().expires_after(options().header_timeout);
    for (std::size_t searched = 0;;) {
      const std::string_view have(static_cast<const char*>(buffer_.data().data()), buffer_.size());
      const std::size_t end = have.find("\r\n\r\n", searched);
      if (end != std::string_view::npos && end + 4 <= options().max_header_bytes) co_return 0;
      if (end != std::string_view::npos || have.size() >= options().max_header_bytes) co_return 431;
      searched = have.size() < 3 ? 0 : have.size() - 3;
      const auto room = buffer_.prepare(4096);
      const auto [error, count] = co_await stream_.async_read_some(room, as_tuple);
      if (error) co_return -1;
      buffer_.commit(count);
    }
  }

  Request make_request(const HeaderParser& parser) {
    const auto& message = parser.get();
    Request request;
    request.id = state_->next_request_id();
    request.method = std::string(view(message.method_string()));
    request.target = std::string(view(message.target()));
    http_minor_ = message.version() % 10;
    for (const auto& field : message) {
      request.headers.add(std::string(view(field.name_string())), std::string(view(field.value())));
    }
    describe(request);
    request.secure = is_tls;
    return request;
  }

  void describe(Request& request) const {
    request.remote_address = ends_.remote;
    request.remote_ip = ends_.remote_ip;
    request.local_address = ends_.local;
  }

  // Asks whether this request may be made. A proxy's field says for whom; then the ticket is for this request alone.
  Task<std::expected<void, net::Refusal>> ask(Request& request) {
    net::Visitor visitor{Protocol::http, ends_.client};
    const bool for_others = binding_->client_address.trusts(ends_.client);
    if (for_others) {
      if (const auto client = client_address(request.headers, binding_->client_address)) {
        visitor.ip = *client;
        request.remote_address = request.remote_ip = client->to_string();
      }
    }
    if (!binding_->gatekeeper) co_return std::expected<void, net::Refusal>();
    if (for_others) {
      auto admitted = co_await binding_->gatekeeper->admit(visitor);
      if (!admitted) co_return std::unexpected(std::move(admitted.error()));
      request.admission = std::move(*admitted);
    }
    auto asked = co_await binding_->gatekeeper->admit_request(visitor);
    if (!asked) co_return std::unexpected(std::move(asked.error()));
    co_return std::expected<void, net::Refusal>();
  }

  Response turned_away(const Request& request, const net::Refusal& why) {
    log::debug(options().log_sender, request.id, "request of {} refused: {}", request.remote_ip, why.why);
    if (why.retry_after.count() == 0) return refusal(request, 403);
    Response response = refusal(request, 429);
    response.headers.set("Retry-After", std::to_string((why.retry_after.count() + 999) / 1000));
    return response;
  }

  Response refusal(const Request& request, int status, std::string_view detail = {}) {
    return state_->router.error(split_target(request.target).path, status, detail);
  }

  Task<Response> answer(Request& request, HeaderParser& parser, bool& body_read) {
    if (const auto bad = check_framing(request, parser.get().version())) {
      body_read = false;  // where the next request begins is not certain
      co_return refusal(request, bad->status, bad->detail);
    }
    const auto asked = co_await ask(request);
    if (!asked) co_return turned_away(request, asked.error());
    const Target target = split_target(request.target);
    Router::Match match = state_->router.match(request.method, target.path);
    if (match.route == nullptr) {
      Response response = refusal(request, match.status);
      if (!match.allow.empty()) response.headers.set("Allow", match.allow);
      co_return response;
    }
    auto query = parse_query(target.query);
    if (!query) co_return refusal(request, 400, query.error().message);
    request.path = std::move(match.path);
    request.params = std::move(match.params);
    request.query = std::move(*query);
    Response response = co_await run_route(*match.route, request, parser, body_read);
    co_return response;
  }

  // A handler's exception ends its request with 500 and nothing else.
  Task<Response> run_route(const Route& route, Request& request, HeaderParser& parser, bool& body_read) {
    std::string what;
    try {
      Response response = co_await run_gate_and_handler(route, request, parser, body_read);
      co_return response;
    } catch (const std::exception& error) {
      what = error.what();
    }
    log::error(options().log_sender, request.id, "{} {}: {}", request.method, request.path, what);
    co_return refusal(request, 500);
  }

  Task<Response> run_gate_and_handler(const Route& route, Request& request, HeaderParser& parser, bool& body_read) {
    if (route.gate) {
      std::optional<Response> refused = co_await route.gate(request);
      if (refused) co_return std::move(*refused);
    }
    BodyMemory memory(*state_);
    if (!body_read) {
      const auto length = parser.content_length();
      if (length && *length > route.body_limit) co_return refusal(request, 413);
      const std::size_t expected = length ? static_cast<std::size_t>(*length) : route.body_limit;
      if (!memory.reserve(expected)) co_return refusal(request, 503);
      const error_code error = co_await read_body(request, parser, route.body_limit);
      if (error) {
        body_gone_ = is_gone(error);
        co_return refusal(request, error == bhttp::error::body_limit ? 413 : 400);
      }
      body_read = true;
    }
    Response response = co_await route.handler(request);
    co_return response;
  }

  Task<error_code> read_body(Request& request, HeaderParser& parser, std::size_t limit) {
    if (equal_ignoring_case(request.headers.get("Expect"), "100-continue") && http_minor_ >= 1) {
      static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      lowest().expires_after(options().write_timeout);
      const auto [error, count] = co_await asio::async_write(stream_, asio::buffer(go_on), as_tuple);
      if (error) co_return error;
    }
    BodyParser body(std::move(parser));
    body.body_limit(limit);
    lowest().expires_after(options().body_timeout + std::chrono::seconds(limit / slowest_body));
    const auto [error, count] = co_await bhttp::async_read(stream_, buffer_, body, as_tuple);
    if (!error) request.body = std::move(body.get().body());
    co_return error;
  }

  // What came is no request.
  Task<void> refuse_unreadable(int status) {
    Request request;
    request.id = state_->next_request_id();
    request.method = "-";
    request.target = "-";
    describe(request);
    Response response = Response::text(status, std::string(status_text(status)) + "\n");
    co_await send(request, std::move(response), false);
  }

  Task<bool> send(const Request& request, Response response, bool keep_alive) {
    // The peer vanished in the middle of its body, or the deadline closed the socket: nobody to tell.
    if (body_gone_) {
      log_access(request, response, 0);
      co_return false;
    }
    const bool with_body = request.method != "HEAD" && response.status != 204 && response.status != 304;
    const std::string head = response_head(response, {.server = options().server_name, .keep_alive = keep_alive});
    const std::array<asio::const_buffer, 2> pieces{
        asio::buffer(head), asio::buffer(response.body.data(), with_body ? response.body.size() : 0)};
    lowest().expires_after(options().write_timeout);
    const auto [error, count] = co_await asio::async_write(stream_, pieces, as_tuple);
    answered_ = !error;
    log_access(request, response, count > head.size() ? count - head.size() : 0);
    co_return !error;
  }

  void log_access(const Request& request, const Response& response, std::size_t body_size) {
    const auto elapsed = std::chrono::steady_clock::now() - started_;
    const std::string protocol = "HTTP/1." + std::to_string(http_minor_);
    const std::string uri = std::string(request.secure ? "https" : "http") + "://" +
                            std::string(request.headers.get("Host")) + request.target;
    log::write(log::Level::info, options().log_sender,
               {{"local_addr", request.local_address},
                {"remote_addr", request.remote_address},
                {"proto", protocol},
                {"method", request.method},
                {"user_agent", request.headers.get("User-Agent")},
                {"uri", uri},
                {"request_id", request.id},
                {"resp_status", std::int64_t{response.status}},
                {"resp_size", static_cast<std::int64_t>(body_size)},
                {"elapsed_ms", std::int64_t{std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count()}}});
  }

  // Closes so that the peer still gets the last response: a socket closed with unread input sends a reset, which
  // would throw away what the peer has not read yet (RFC 9112 section 9.6).
  Task<void> shut_down() {
    lowest().expires_after(linger_time);
    if constexpr (is_tls) {
      const auto [ignored] = co_await stream_.async_shutdown(as_tuple);
    }
    error_code error;
    lowest().socket().shutdown(tcp::socket::shutdown_send, error);
    std::array<char, 8192> discarded;
    for (std::size_t total = 0; !error && total < linger_bytes;) {
      const auto [read_error, count] = co_await lowest().async_read_some(asio::buffer(discarded), as_tuple);
      error = read_error;
      total += count;
    }
  }

  const std::shared_ptr<Server::State> state_;
  std::vector<std::shared_ptr<void>> companions_;
  Stream stream_;
  const net::Endpoints ends_;
  const std::shared_ptr<const Binding> binding_;
  beast::flat_buffer buffer_;
  std::unique_ptr<Server::State::Place> place_;
  std::chrono::steady_clock::time_point started_;
  unsigned http_minor_ = 1;
  bool idle_ = false;  // between two requests
  bool draining_ = false;
  bool answered_ = false;   // the last response was sent in full
  bool body_gone_ = false;  // the peer's body ended early
};

// Connections keep themselves alive through their coroutine's frame.
template <class Stream>
void start(std::shared_ptr<Connection<Stream>> connection, net::Ticket ticket) {
  connection->keep(std::move(ticket));
  if (!connection->take_place()) return;
  const auto executor = connection->executor();
  asio::co_spawn(executor, Connection<Stream>::run(std::move(connection)), asio::detached);
}

}  // namespace

void start_connection(std::shared_ptr<Server::State> state, tcp::socket socket, net::Endpoints ends, net::Ticket ticket,
                      std::shared_ptr<const Binding> binding) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  if (!binding->tls) {
    PlainStream stream(std::move(socket));
    start(std::make_shared<Connection<PlainStream>>(std::move(state), std::move(stream), std::move(ends),
                                                    std::move(binding)),
          std::move(ticket));
    return;
  }
  const auto context = binding->tls->current();
  TlsStream stream(std::move(socket), *context);
  const auto connection =
      std::make_shared<Connection<TlsStream>>(std::move(state), std::move(stream), std::move(ends), std::move(binding));
  connection->keep(context);
  start(connection, std::move(ticket));
}

}  // namespace ferry::http
