// The HTTP/1.1 server (RFC 9112). One connection lives on one of the given io_contexts for its whole life.
//
//   Server server(contexts, std::move(router), {});
//   auto port = server.listen({.address = "127.0.0.1", .port = 8080});
//   ...
//   server.drain();                     // stop listening, finish what runs
//   while (server.connections() > 0 && in_time) wait();
//   server.close();                     // end what is left
//
// Every call is safe from any thread. The object may go while connections still run: they share what they need.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "http/client_address.h"
#include "http/router.h"
#include "http/tls.h"
#include "net/listener.h"

namespace ferry::http {

struct ServerOptions {
  std::size_t max_header_bytes = 16 * 1024;  // request line and fields; more: 431
  std::size_t max_connections = 1024;        // more are closed as they come
  std::size_t max_body_memory = 256 << 20;   // of all bodies being received at once; more: 503
  std::chrono::seconds header_timeout{30};   // from the first byte to the end of the fields; also TLS handshake
  std::chrono::seconds body_timeout{60};     // the whole body, and a second more for each 256 KiB that a route takes
  std::chrono::seconds idle_timeout{60};     // until the first byte of the next request
  std::chrono::seconds write_timeout{60};    // the whole response
  std::string server_name = "Ferry";         // the Server field; empty leaves it out
  std::string log_sender = "httpd";          // of the access log's lines
};

struct Binding {
  std::string address = {};              // empty: every address, IPv4 and IPv6
  std::uint16_t port = 0;                // 0: a free one
  std::shared_ptr<TlsContext> tls = {};  // empty: plain HTTP
  // Asked about every connection (closed when refused) and every request (403 or 429). What comes through a proxy
  // that speaks for its clients is asked about by request alone. Empty: everybody is let in.
  std::shared_ptr<net::Gatekeeper> gatekeeper = {};
  std::shared_ptr<const net::ProxyPolicy> proxy = {};  // the PROXY protocol; empty: not spoken
  ClientAddressRules client_address = {};
};

class Server {
 public:
  Server(std::vector<asio::io_context*> contexts, Router router, ServerOptions options);
  // Closes the listeners and every connection.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Starts to accept; answers the port. invalid_argument: not an IP address; else what bind or listen said.
  Result<std::uint16_t> listen(const Binding& binding);
  // Closes the listeners and idle connections; a running request is finished and its connection closed.
  void drain();
  // Ends everything now.
  void close();
  std::size_t connections() const;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace ferry::http
