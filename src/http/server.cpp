#include "http/server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "crypto/secret.h"
#include "http/server_state.h"

namespace ferry::http {

namespace {

using asio::ip::tcp;
using Acceptor = std::shared_ptr<tcp::acceptor>;

constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable);

std::string random_hex(std::size_t bytes) {
  Bytes raw(bytes);
  crypto::random_bytes(raw);
  std::string out;
  for (const std::byte byte : raw) out += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return out;
}

// Opens, binds and listens; a "v6" socket for every address serves IPv4 too.
Result<void> open(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_v6() && endpoint.address().is_unspecified()) {
    acceptor.set_option(asio::ip::v6_only(false), error);
  }
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (!error) return {};
  const std::string address = endpoint.address().to_string() + ":" + std::to_string(endpoint.port());
  return fail_errno(error.value(), "listen on " + address);
}

Task<void> accept_loop(std::shared_ptr<Server::State> state, Acceptor acceptor, std::shared_ptr<TlsContext> tls) {
  asio::steady_timer pause(acceptor->get_executor());
  for (std::size_t turn = 0; acceptor->is_open(); ++turn) {
    tcp::socket socket(*state->contexts[turn % state->contexts.size()]);
    const auto [error] = co_await acceptor->async_accept(socket, as_tuple);
    if (!error) {
      start_connection(state, std::move(socket), tls);
    } else if (acceptor->is_open()) {
      // Out of descriptors or memory: wait until some come back instead of spinning.
      log::warn(state->options.log_sender, "", "accept failed: {}", error.message());
      pause.expires_after(std::chrono::milliseconds(100));
      const auto [waited] = co_await pause.async_wait(as_tuple);
      if (waited) co_return;
    }
  }
}

}  // namespace

Server::State::State(std::vector<asio::io_context*> io_contexts, Router routes, ServerOptions server_options)
    : contexts(std::move(io_contexts)),
      router(std::move(routes)),
      options(std::move(server_options)),
      request_id_prefix(random_hex(6)) {}

std::unique_ptr<Server::State::Place> Server::State::take_place(std::weak_ptr<ConnectionHandle> connection,
                                                                asio::any_io_executor executor) {
  const std::lock_guard lock(mutex);
  if (draining || members.size() >= options.max_connections) return nullptr;
  const std::uint64_t id = next_member++;
  members.emplace(id, Member{std::move(connection), std::move(executor)});
  return std::make_unique<Place>(shared_from_this(), id);
}

Server::State::Place::~Place() {
  const std::lock_guard lock(state_->mutex);
  state_->members.erase(id_);
}

bool Server::State::reserve_body(std::size_t size) {
  std::size_t used = body_memory.load();
  do {
    if (size > options.max_body_memory || used > options.max_body_memory - size) return false;
  } while (!body_memory.compare_exchange_weak(used, used + size));
  return true;
}

std::string Server::State::next_request_id() { return fmt::format("{}{:08x}", request_id_prefix, requests++); }

namespace {

void for_each_connection(Server::State& state, void (ConnectionHandle::*action)()) {
  const std::lock_guard lock(state.mutex);
  for (auto& [id, member] : state.members) {
    asio::post(member.executor, [weak = member.connection, action] {
      if (const auto connection = weak.lock()) (connection.get()->*action)();
    });
  }
}

}  // namespace

Server::Server(std::vector<asio::io_context*> contexts, Router router, ServerOptions options)
    : state_(std::make_shared<State>(std::move(contexts), std::move(router), std::move(options))) {}

Server::~Server() { close(); }

Result<std::uint16_t> Server::listen(const Binding& binding) {
  boost::system::error_code error;
  const auto address = binding.address.empty() ? asio::ip::address(asio::ip::address_v6::any())
                                               : asio::ip::make_address(binding.address, error);
  if (error) return fail(ErrorCode::invalid_argument, "\"" + binding.address + "\" is not an IP address");
  const auto acceptor = std::make_shared<tcp::acceptor>(*state_->contexts.front());
  auto opened = open(*acceptor, {address, binding.port});
  if (!opened && binding.address.empty()) {  // a machine without IPv6
    acceptor->close(error);
    opened = open(*acceptor, {asio::ip::address_v4::any(), binding.port});
  }
  if (!opened) return fail(opened.error());
  const std::uint16_t port = acceptor->local_endpoint().port();
  {
    const std::lock_guard lock(state_->mutex);
    state_->acceptors.push_back(acceptor);
  }
  asio::co_spawn(acceptor->get_executor(), accept_loop(state_, acceptor, binding.tls), asio::detached);
  return port;
}

void Server::drain() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->draining = true;
    for (const Acceptor& acceptor : state_->acceptors) {
      asio::post(acceptor->get_executor(), [acceptor] {
        boost::system::error_code ignored;
        acceptor->close(ignored);
      });
    }
    state_->acceptors.clear();
  }
  for_each_connection(*state_, &ConnectionHandle::drain);
}

void Server::close() {
  drain();
  for_each_connection(*state_, &ConnectionHandle::close);
}

std::size_t Server::connections() const {
  const std::lock_guard lock(state_->mutex);
  return state_->members.size();
}

}  // namespace ferry::http
