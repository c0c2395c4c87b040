// Who is let in: what a listener asks about each connection, once it knows whose it is.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <string>

#include "base/ip_network.h"
#include "base/protocol.h"
#include "base/task.h"

namespace ferry::net {

// A client, as the PROXY protocol or a trusted header may have told.
struct Visitor {
  Protocol protocol = Protocol::ssh;
  IpAddress ip;
};

// The right to be there, kept as long as the connection (or the request) lives.
using Ticket = std::shared_ptr<void>;

struct Refusal {
  std::string why;                           // for the log
  std::chrono::milliseconds retry_after{0};  // not 0: too many at once, later there may be room
};

class Gatekeeper {
 public:
  virtual ~Gatekeeper() = default;
  // A new connection, or a request that came through a proxy for many clients. May take its time.
  virtual Task<std::expected<Ticket, Refusal>> admit(Visitor visitor) = 0;
  // One request of a protocol that has many on a connection; `admit` does not count it.
  virtual Task<std::expected<void, Refusal>> admit_request(Visitor visitor) = 0;
};

}  // namespace ferry::net
