#include "http/server.h"

#include "base/log.h"
#include "crypto/secret.h"
#include "http/server_state.h"

namespace ferry::http {

namespace {

std::string random_hex(std::size_t bytes) {
  Bytes raw(bytes);
  crypto::random_bytes(raw);
  std::string out;
  for (const std::byte byte : raw) out += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return out;
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

Result<std::uint16_t> Server::listen(const Binding& wanted) {
  const auto binding = std::make_shared<const Binding>(wanted);
  net::ListenerOptions options;
  options.address = binding->address;
  options.port = binding->port;
  options.protocol = Protocol::http;
  options.gatekeeper = binding->gatekeeper;
  options.proxy = binding->proxy;
  options.speaks_for_others = [binding](const IpAddress& peer) { return binding->client_address.trusts(peer); };
  auto listener = net::Listener::open(
      std::move(options), state_->contexts,
      [state = state_, binding](asio::ip::tcp::socket socket, net::Endpoints ends, net::Ticket ticket) {
        start_connection(state, std::move(socket), std::move(ends), std::move(ticket), binding);
      });
  if (!listener) return fail(listener.error());
  const std::uint16_t port = (*listener)->port();
  const std::lock_guard lock(state_->mutex);
  state_->listeners.push_back(std::move(*listener));
  return port;
}

void Server::drain() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->draining = true;
    state_->listeners.clear();
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
