#include "ssh/server.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <mutex>
#include <unordered_map>

#include "base/log.h"
#include "crypto/secret.h"
#include "crypto/token.h"
#include "ssh/driver/connection.h"
#include "ssh/keys/private_key.h"

namespace ferry::ssh {

namespace {
constexpr std::string_view server_sender = "sshd";
}

struct Server::State : std::enable_shared_from_this<Server::State> {
  ServerOptions options;
  HandlerFactory make_handler;
  std::vector<asio::io_context*> contexts;
  std::vector<std::unique_ptr<net::Listener>> listeners;

  mutable std::mutex mutex;  // of what follows
  bool listening = true;     // clients accepted too late to be known are dropped
  std::shared_ptr<const TransportOptions> transport_options;
  std::unordered_map<std::string, std::weak_ptr<Connection>> connections;

  void accept(asio::ip::tcp::socket socket, net::Endpoints endpoints, net::Ticket ticket);
  static Task<void> run(std::shared_ptr<State> self, std::shared_ptr<Connection> connection, PeerInfo peer,
                        net::Ticket ticket);
  Result<void> use_host_keys(std::vector<std::shared_ptr<const PrivateKey>> keys,
                             std::vector<HostCertificate> certificates);
};

Server::Server(ServerOptions options, HandlerFactory make_handler, std::vector<asio::io_context*> contexts)
    : state_(std::make_shared<State>()) {
  state_->options = std::move(options);
  state_->make_handler = std::move(make_handler);
  state_->contexts = std::move(contexts);
}

Server::~Server() {
  stop_listening();
  disconnect_all("the server is shutting down");
}

Result<void> Server::check() const {
  const Result<void> offer = check_offer(state_->options.offer);
  if (!offer) return offer;
  return state_->use_host_keys(state_->options.host_keys, state_->options.host_certificates);
}

Result<void> Server::State::use_host_keys(std::vector<std::shared_ptr<const PrivateKey>> keys,
                                          std::vector<HostCertificate> certificates) {
  AlgorithmOffer offer = complete_offer(options.offer);
  std::vector<std::string> available;
  for (const auto& key : keys) {
    for (const std::string_view name : key->algorithms()) available.emplace_back(name);
  }
  for (const auto& algorithm : host_key_algorithms()) {
    for (const auto& certificate : certificates) {
      const auto signatures = certificate.key->algorithms();
      const bool fits = std::ranges::find(signatures, algorithm.signature) != signatures.end();
      if (algorithm.certificate() && fits) available.emplace_back(algorithm.name);
    }
  }
  std::erase_if(offer.host_key_algorithms, [&available](const std::string& name) {
    return std::ranges::find(available, name) == available.end();
  });
  if (offer.host_key_algorithms.empty()) {
    return fail(ErrorCode::invalid_argument, "no host key for any of the host key algorithms");
  }
  auto fresh = std::make_shared<TransportOptions>();
  fresh->version = "SSH-2.0-" + options.software;
  fresh->offer = std::move(offer);
  fresh->host_keys = std::move(keys);
  fresh->host_certificates = std::move(certificates);
  fresh->rekey_bytes = options.rekey_bytes;
  fresh->rekey_time = options.rekey_time;
  const std::lock_guard lock(mutex);
  transport_options = std::move(fresh);
  return {};
}

Result<void> Server::set_host_keys(std::vector<std::shared_ptr<const PrivateKey>> keys,
                                   std::vector<HostCertificate> certificates) {
  return state_->use_host_keys(std::move(keys), std::move(certificates));
}

Result<std::uint16_t> Server::listen(net::ListenerOptions options) {
  options.protocol = Protocol::ssh;
  Result<std::unique_ptr<net::Listener>> listener =
      net::Listener::open(std::move(options), state_->contexts,
                          [state = state_](asio::ip::tcp::socket socket, net::Endpoints endpoints, net::Ticket ticket) {
                            state->accept(std::move(socket), std::move(endpoints), std::move(ticket));
                          });
  if (!listener) return fail(listener.error());
  const std::uint16_t bound = (*listener)->port();
  const std::lock_guard lock(state_->mutex);
  state_->listening = true;
  state_->listeners.push_back(std::move(*listener));
  return bound;
}

void Server::State::accept(asio::ip::tcp::socket socket, net::Endpoints endpoints, net::Ticket ticket) {
  PeerInfo peer;
  peer.connection_id = crypto::random_id();
  peer.local_address = std::move(endpoints.local);
  peer.remote_address = std::move(endpoints.remote);
  peer.remote_ip = std::move(endpoints.remote_ip);
  boost::system::error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket.non_blocking(true, ignored);
  std::shared_ptr<const TransportOptions> current;
  {
    const std::lock_guard lock(mutex);
    current = transport_options;
  }
  const auto executor = socket.get_executor();
  auto connection = std::make_shared<Connection>(std::move(socket), peer, std::move(current), options);
  asio::co_spawn(executor, run(shared_from_this(), std::move(connection), std::move(peer), std::move(ticket)),
                 asio::detached);
}

// The ticket goes with the coroutine.
Task<void> Server::State::run(std::shared_ptr<State> self, std::shared_ptr<Connection> connection, PeerInfo peer,
                              net::Ticket /*ticket*/) {
  std::unique_ptr<ServerHandler> handler =
      self->make_handler(peer, [weak = std::weak_ptr(connection)](std::string reason) {
        if (const auto alive = weak.lock()) alive->request_disconnect(std::move(reason));
      });
  if (!handler) {
    log::debug(server_sender, peer.connection_id, "connection from {} refused", peer.remote_address);
    co_return;
  }
  {
    const std::lock_guard lock(self->mutex);
    if (!self->listening) co_return;
    self->connections.emplace(peer.connection_id, connection);
  }
  log::debug(server_sender, peer.connection_id, "connection from {}", peer.remote_address);
  co_await connection->run(std::move(handler));
  const std::lock_guard lock(self->mutex);
  self->connections.erase(peer.connection_id);
}

void Server::stop_listening() {
  state_->listeners.clear();
  const std::lock_guard lock(state_->mutex);
  state_->listening = false;
}

std::size_t Server::connections() const {
  const std::lock_guard lock(state_->mutex);
  return state_->connections.size();
}

void Server::disconnect_all(const std::string& reason) {
  std::vector<std::shared_ptr<Connection>> all;
  {
    const std::lock_guard lock(state_->mutex);
    for (const auto& [id, weak] : state_->connections) {
      if (auto connection = weak.lock()) all.push_back(std::move(connection));
    }
  }
  for (const auto& connection : all) connection->request_disconnect(reason);
}

}  // namespace ferry::ssh
