// Decides whether a client may connect; every listener asks it about every connection, in this order: allow list, block
// list and bans, rate limits, connections of one host and of all, the post-connect hook but over HTTP (the PROXY header
// was read before).
#pragma once

#include <memory>

#include "auth/defender.h"
#include "auth/ip_rules.h"
#include "auth/rate_limit.h"
#include "net/gatekeeper.h"
#include "presence/registry.h"
#include "server/connect_hooks.h"

namespace ferry::server {

class ConnectionGatekeeper final : public net::Gatekeeper {
 public:
  // The first three outlive it. `defender` may be null: then there are no bans.
  ConnectionGatekeeper(const auth::IpRules& rules, auth::Defender* defender, auth::RateLimiters& limiters,
                       std::shared_ptr<presence::Registry> registry, ConnectHooks connect, bool allow_list_only,
                       unsigned ipv6_prefix)
      : rules_(rules),
        defender_(defender),
        limiters_(limiters),
        registry_(std::move(registry)),
        connect_(std::move(connect)),
        allow_list_only_(allow_list_only),
        ipv6_prefix_(ipv6_prefix) {}

  Task<std::expected<net::Ticket, net::Refusal>> admit(net::Visitor visitor) override;
  Task<std::expected<void, net::Refusal>> admit_request(net::Visitor visitor) override;

 private:
  Task<std::expected<void, net::Refusal>> check_lists(net::Visitor visitor);
  Task<std::expected<void, net::Refusal>> check_rate(net::Visitor visitor);

  const auth::IpRules& rules_;
  auth::Defender* const defender_;
  auth::RateLimiters& limiters_;
  const std::shared_ptr<presence::Registry> registry_;
  const ConnectHooks connect_;
  const bool allow_list_only_;
  const unsigned ipv6_prefix_;  // bits of an IPv6 address that make a host
};

}  // namespace ferry::server
