// The header of the PROXY protocol, versions 1 and 2 (HAProxy, doc/proxy-protocol.txt): who connected to the proxy.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ip_network.h"

namespace ferry::net {

struct ProxyHeader {
  struct End {
    IpAddress address;
    std::uint16_t port = 0;
    bool operator==(const End&) const = default;
  };
  // Whether the two ends are known. Not so when the proxy speaks for itself (LOCAL), or does not know (UNKNOWN,
  // families without ports): the connection's own ends hold then.
  bool known = false;
  End source, destination;
};

// The longest that is read. Version 1 ends within 107 bytes; of version 2 proxies send some hundred bytes of TLVs.
inline constexpr std::size_t max_proxy_header = 16 + 4096;

struct ProxyScan {
  enum class State : std::uint8_t { absent, incomplete, complete } state = State::absent;
  std::size_t size = 0;  // of a complete header
};

// Looks at the first bytes of a connection. protocol_error: a header that is too long, or of another version.
Result<ProxyScan> scan_proxy_header(ByteSpan beginning);
// Whether bytes that no protocol understands are a header from somebody whose headers are not read.
bool begins_like_proxy_header(ByteSpan beginning);
// Reads a complete header. protocol_error.
Result<ProxyHeader> parse_proxy_header(ByteSpan header);

}  // namespace ferry::net
