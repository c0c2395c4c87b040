// Whose PROXY header is believed, and reading it from a socket.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/error.h"
#include "base/network_map.h"
#include "base/task.h"
#include "net/proxy_header.h"

namespace ferry::net {

struct ProxyPolicy {
  bool required = false;                 // those who may send a header must
  NetworkSet allowed;                    // their headers count
  NetworkSet skipped;                    // from these no header is read at all
  std::chrono::milliseconds time{5000};  // for the header to come

  enum class Use : std::uint8_t {
    skip,     // what comes is the protocol's own
    believe,  // a header is read and holds
    ignore,   // a header is read and means nothing
    refuse,   // nobody else may connect
  };
  Use use_for(const IpAddress& peer) const {
    if (skipped.contains(peer)) return Use::skip;
    if (allowed.contains(peer)) return Use::believe;
    return required ? Use::refuse : Use::ignore;
  }
};

// Takes the header off the front of the connection; nothing when the client's bytes begin without one, or none come
// in `time`. protocol_error: a bad header, or one that does not end in `time`; connection_lost.
Task<Result<std::optional<ProxyHeader>>> read_proxy_header(boost::asio::ip::tcp::socket& socket,
                                                           std::chrono::milliseconds time);

}  // namespace ferry::net
