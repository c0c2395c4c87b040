// Accepting TCP connections and spreading them over the program's io_contexts.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace boost::asio {
class io_context;
}

namespace ferry::net {

// Both ends of a connection as text; IPv4 addresses mapped into IPv6 are shown as IPv4.
struct Endpoints {
  std::string local, remote;  // ip:port, [ip]:port for IPv6
  std::string remote_ip;
};

class Listener {
 public:
  // Runs on the io_context that the socket belongs to from now on.
  using Handler = std::function<void(boost::asio::ip::tcp::socket, Endpoints)>;

  // `address` empty: every address, IPv4 and IPv6. Port 0: any free one. invalid_argument: not an IP address.
  static Result<std::unique_ptr<Listener>> open(const std::string& address, std::uint16_t port,
                                                std::vector<boost::asio::io_context*> contexts, Handler handler);
  // Stops listening. Connections already handed on are not touched. Safe from any thread.
  ~Listener();
  std::uint16_t port() const { return port_; }

 private:
  struct Acceptor;
  Listener(std::shared_ptr<Acceptor> acceptor, std::uint16_t port);
  std::shared_ptr<Acceptor> acceptor_;
  std::uint16_t port_;
};

}  // namespace ferry::net
