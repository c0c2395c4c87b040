// Rate limits: how many connections, or requests, are accepted in a period. Each limiter is a token bucket that is full
// at first: with average 10, period 1 s and burst 5, five may come at once and then one every 100 ms.
//
//   RateLimiters limiters(options, rules);
//   const auto verdict = limiters.ask(Protocol::ssh, ip, Clock::now());
//   if (!verdict.admitted) ...              // refuse; the client may come again after verdict.wait
//   else wait for verdict.wait, then go on  // the token has been taken already
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
  std::int64_t average = 1;                        // tokens added ...
  std::chrono::milliseconds period{1000};          // ... in each period
  std::int64_t burst = 1;                          // tokens that the bucket holds
  bool per_source = true;                          // a bucket for each address; else one for all
  unsigned protocols = 0;                          // bits of base/protocol.h
  bool tells_defender = false;                     // a refusal adds to the address's score
  std::size_t soft_limit = 100, hard_limit = 150;  // sources remembered, see RecentHosts
  NetworkSet allow_list = {};                      // not limited
};

class RateLimiters {
 public:
  using Clock = std::chrono::steady_clock;
  // A client that would have to wait longer than this is refused.
  static constexpr std::chrono::milliseconds longest_wait{500};

  struct Verdict {
    bool admitted = true;
    std::chrono::nanoseconds wait{0};
    bool for_the_defender = false;  // refused by a limiter with tells_defender
  };

  // `rules` outlives it; addresses on its list for rate limiters are never limited. `ipv6_prefix`: bits of an IPv6
  // address that make a source (base/host_of.h).
  RateLimiters(std::vector<RateLimiterOptions> options, const IpRules& rules, unsigned ipv6_prefix = 128);
  ~RateLimiters();

  // Safe from any thread.
  Verdict ask(Protocol protocol, const IpAddress& source, Clock::time_point now);
  // Bits of the protocols that have a limiter.
  unsigned protocols() const { return protocols_; }

 private:
  class Limiter;
  std::vector<std::unique_ptr<Limiter>> limiters_;
  const IpRules& rules_;
  const unsigned ipv6_prefix_;
  unsigned protocols_ = 0;
};

}  // namespace ferry::auth
