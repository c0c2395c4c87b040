// One family of listening protocols (SSH, HTTP, ...) as the server sees it: it keeps a list of these, and asks each the
// same. A new protocol is a new Front and one line of server.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "protocols/rest/service_status.h"

namespace ferry::server {

// Where clients connect.
struct Endpoint {
  std::string service;  // SFTP, HTTP, HTTPS
  std::string address;  // as configured; empty: every address; the path of a Unix-domain socket
  int port = 0;
};

class Front {
 public:
  virtual ~Front() = default;

  // Opens the port of every binding; clients are served when the io_contexts run. Errors name the binding's key and
  // what could not be opened; then some ports may be open. `warnings`: lines for the operator.
  virtual Result<void> listen(std::vector<std::string>& warnings) = 0;
  // No new clients from now on. Requests that run are finished.
  virtual void drain() = 0;
  // Asks every connection to end, telling its client `reason` where the protocol can. They are gone when count() is 0.
  virtual void end(const std::string& reason) = 0;
  // Open connections.
  virtual std::size_t count() const = 0;
  // After drain(): whether a request runs that is worth the grace time. Transfers are not asked about here: the
  // registry of sessions knows them.
  virtual bool busy() const = 0;
  // Reads the files again that its configuration names (keys, certificates, banner). What cannot be read stays as it
  // was, and is one of the errors.
  virtual std::vector<Error> reload() = 0;
  // Fills in its part of what GET /status shows. Safe from any thread.
  virtual void status(rest::ServicesStatus& all) const = 0;
  // What the configuration makes it listen on, in its order.
  virtual std::vector<Endpoint> endpoints() const = 0;
};

// "127.0.0.1:2022", "[::1]:2022", "*:2022", "unix:/run/ferry.sock".
std::string shown(const std::string& address, int port);

// Logs that a binding listens; or its error, which names `key` and the address. `port`: what listen() answered.
Result<void> check_listening(std::string_view log_sender, const std::string& key, const Endpoint& endpoint,
                             const Result<std::uint16_t>& port);

}  // namespace ferry::server
