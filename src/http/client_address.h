// Whose request it is, where a proxy says so in a field such as X-Forwarded-For.
#pragma once

#include <optional>
#include <string>

#include "base/network_map.h"
#include "http/message.h"

namespace ferry::http {

struct ClientAddressRules {
  std::string field = {};   // empty: no field is believed
  int depth = 0;            // which of several addresses, from the right; -1: the leftmost
  NetworkSet proxies = {};  // whose field is believed
  bool trusts(const IpAddress& peer) const { return !field.empty() && proxies.contains(peer); }
};

// What the field of a trusted proxy says; no value when there is none, or it is not an address.
std::optional<IpAddress> client_address(const Headers& headers, const ClientAddressRules& rules);

}  // namespace ferry::http
