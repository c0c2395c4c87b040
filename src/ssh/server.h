// The SSH server: listens, and runs one coroutine a connection on the io_contexts it was given.
//
//   ssh::Server server(options, make_handler, contexts);
//   auto port = server.listen({.address = "127.0.0.1", .port = 2022, .gatekeeper = gatekeeper});
//
// make_handler is called on the connection's io_context when a client connects.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/task.h"
#include "net/listener.h"
#include "ssh/keys/host_certificate.h"
#include "ssh/server_handler.h"
#include "ssh/transport/algorithms.h"

namespace boost::asio {
class io_context;
}

namespace ferry::ssh {

class PrivateKey;

struct ServerOptions {
  std::string software = "Ferry";  // in the version line: SSH-2.0-<software>
  AlgorithmOffer offer;            // empty lists: what is offered by default
  std::vector<std::shared_ptr<const PrivateKey>> host_keys;
  std::vector<HostCertificate> host_certificates;
  int max_auth_tries = 6;
  std::chrono::seconds login_grace_time{120};
  std::chrono::seconds keepalive_interval{60};  // of silence; after three unanswered ones the connection ends. 0: none
  std::uint64_t rekey_bytes = std::uint64_t{1} << 30;
  std::chrono::seconds rekey_time{3600};
  std::size_t max_channels = 10;  // of one connection
};

// Makes the handler of a new connection; null refuses the client. `disconnect` ends the connection with that text
// for the client; safe from any thread and at any time.
using HandlerFactory =
    std::function<std::unique_ptr<ServerHandler>(const PeerInfo& peer, std::function<void(std::string)> disconnect)>;

class Server {
 public:
  // Connections are spread over `contexts` in turn; each must be run by one thread.
  Server(ServerOptions options, HandlerFactory make_handler, std::vector<asio::io_context*> contexts);
  ~Server();

  // invalid_argument: algorithms or host keys that do not fit together. Call once before listen.
  Result<void> check() const;
  // Answers the port. A client's ticket is kept as long as its connection.
  Result<std::uint16_t> listen(net::ListenerOptions options);
  // New connections use these host keys from now on. Safe from any thread.
  Result<void> set_host_keys(std::vector<std::shared_ptr<const PrivateKey>> keys,
                             std::vector<HostCertificate> certificates = {});

  // No new clients.
  void stop_listening();
  std::size_t connections() const;
  // Asks every connection to end, telling its client `reason`.
  void disconnect_all(const std::string& reason);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ferry::ssh
