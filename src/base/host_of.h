// Whom limits and bans are about.
#pragma once

#include "base/ip_network.h"

namespace ferry {

// The address that stands for all that one customer of a provider has: an IPv4 address itself; of an IPv6 address the
// first `ipv6_prefix` bits (16 to 128, usually 64), the rest 0. Whoever has a /64 could else come from 2^64 addresses.
IpAddress host_of(const IpAddress& address, unsigned ipv6_prefix);

}  // namespace ferry
