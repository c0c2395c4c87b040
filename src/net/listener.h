// Accepting TCP connections and spreading them over the program's io_contexts. Each is asked for at the door before it
// is handed on: its PROXY header is read, then the gatekeeper is asked about whom it names.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "net/gatekeeper.h"
#include "net/proxy_protocol.h"

namespace boost::asio {
class io_context;
}

namespace ferry::net {

// Both ends of a connection; IPv4 addresses mapped into IPv6 are shown as IPv4. Behind a proxy that is believed these
// are the ends of the client's connection to the proxy. Who comes through a Unix-domain socket is on this machine: its
// address is 127.0.0.1, and `local` is the socket's path.
struct Endpoints {
  std::string local, remote;  // ip:port, [ip]:port for IPv6
  std::string remote_ip;
  IpAddress client;  // the same
};

struct ListenerOptions {
  // An IP address (IPv6 also in brackets), a host name, which is looked up once, or the absolute path of a Unix-domain
  // socket. Empty: every address, IPv4 and IPv6.
  std::string address = {};
  std::uint16_t port = 0;  // 0: any free one; of no meaning for a path
  Protocol protocol = Protocol::ssh;
  std::shared_ptr<Gatekeeper> gatekeeper = {};                   // empty: everybody is let in
  std::shared_ptr<const ProxyPolicy> proxy = {};                 // empty: no header is read
  std::function<bool(const IpAddress&)> speaks_for_others = {};  // true: handed on without a ticket, asked about later
};

class Listener {
 public:
  // Runs on the io_context that the socket belongs to from now on.
  using Handler = std::function<void(boost::asio::ip::tcp::socket, Endpoints, Ticket)>;

  // invalid_argument: no address of this machine; else what bind or listen said. May block, to look a name up. A path's
  // socket is for its owner and group; what a server before has left there is replaced.
  static Result<std::unique_ptr<Listener>> open(ListenerOptions options, std::vector<boost::asio::io_context*> contexts,
                                                Handler handler);
  // Stops listening. Connections already handed on are not touched, others are closed. Safe from any thread.
  ~Listener();
  std::uint16_t port() const { return port_; }  // 0 for a path

 private:
  struct Acceptor;
  Listener(std::shared_ptr<Acceptor> acceptor, std::uint16_t port);
  std::shared_ptr<Acceptor> acceptor_;
  std::uint16_t port_;
};

}  // namespace ferry::net
