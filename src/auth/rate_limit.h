// Rate limits: how many connections, or requests, may come in a time. Each is a token bucket, full at first.
//
//   RateLimiters limiters(options, rules);
//   const auto verdict = limiters.ask(Protocol::ssh, ip, Clock::now());
//   if (!verdict.admitted) ...              // try again after verdict.wait
//   else wait for verdict.wait, then go on  // its place is taken already
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "auth/ip_rules.h"
#include "base/network_map.h"
#include "base/protocol.h"

namespace ferry::auth {

struct RateLimiterOptions {
  std::int64_t average = 1;                // so many
  std::chrono::milliseconds period{1000};  // in this time
  std::int64_t burst = 1;                  // of which so many may come at once
  bool per_source = true;                  // else all sources together
  unsigned protocols = 0;                  // base/protocol.h, added up
  bool tells_defender = false;
  std::size_t soft_limit = 100, hard_limit = 150;  // sources remembered, see RecentHosts
  NetworkSet allow_list = {};                      // not limited
};

class RateLimiters {
 public:
  using Clock = std::chrono::steady_clock;
  // Who would have to wait longer is refused.
  static constexpr std::chrono::milliseconds longest_wait{500};

  struct Verdict {
    bool admitted = true;
    std::chrono::nanoseconds wait{0};
    bool for_the_defender = false;  // refused by a limiter that tells it
  };

  // `rules` outlives it: the list of those whom no limiter holds up. `ipv6_prefix`: bits of an IPv6 address that make a
  // source (base/host_of.h).
  RateLimiters(std::vector<RateLimiterOptions> options, const IpRules& rules, unsigned ipv6_prefix = 128);
  ~RateLimiters();

  // Safe from any thread.
  Verdict ask(Protocol protocol, const IpAddress& source, Clock::time_point now);
  // Protocols that are limited, as bits.
  unsigned protocols() const { return protocols_; }

 private:
  class Limiter;
  std::vector<std::unique_ptr<Limiter>> limiters_;
  const IpRules& rules_;
  const unsigned ipv6_prefix_;
  unsigned protocols_ = 0;
};

}  // namespace ferry::auth
