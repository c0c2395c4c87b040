#include "auth/rate_limit.h"

#include <algorithm>
#include <mutex>

#include "auth/recent_hosts.h"
#include "base/host_of.h"

namespace ferry::auth {

namespace {

using Nanoseconds = std::chrono::nanoseconds;
using Time = RateLimiters::Clock::time_point;

}  // namespace

// A bucket is kept as the time at which it will be full again: it refills by itself, and one that is full needs not
// be remembered.
class RateLimiters::Limiter {
 public:
  explicit Limiter(RateLimiterOptions options)
      : options_(std::move(options)),
        interval_(Nanoseconds(options_.period) / options_.average),
        hosts_(options_.soft_limit, options_.hard_limit) {}

  bool applies(Protocol protocol, const IpAddress& source) const {
    return (options_.protocols & bit(protocol)) != 0 && !options_.allow_list.contains(source);
  }

  Verdict ask(const IpAddress& source, Time now) {
    const std::lock_guard lock(mutex_);
    if (!options_.per_source) return take(everybody_, now);
    hosts_.forget_while([now](Time full) { return full <= now; }, 2);
    return take(hosts_.see(source), now);
  }

 private:
  Verdict take(Time& full, Time now) {
    const Time later = std::max(full, now) + interval_;
    const Nanoseconds wait = later - interval_ * options_.burst - now;
    if (wait > longest_wait) return {false, wait, options_.per_source && options_.tells_defender};
    full = later;
    return {true, std::max(wait, Nanoseconds(0)), false};
  }

  const RateLimiterOptions options_;
  const Nanoseconds interval_;  // between two tokens
  std::mutex mutex_;
  Time everybody_{};
  RecentHosts<Time> hosts_;
};

RateLimiters::RateLimiters(std::vector<RateLimiterOptions> options, const IpRules& rules, unsigned ipv6_prefix)
    : rules_(rules), ipv6_prefix_(ipv6_prefix) {
  for (RateLimiterOptions& one : options) {
    protocols_ |= one.protocols;
    limiters_.push_back(std::make_unique<Limiter>(std::move(one)));
  }
}

RateLimiters::~RateLimiters() = default;

RateLimiters::Verdict RateLimiters::ask(Protocol protocol, const IpAddress& source, Clock::time_point now) {
  Verdict all;
  if ((protocols_ & bit(protocol)) == 0) return all;
  if (rules_.on(model::IpListType::rate_limiter_safe_list, source, protocol) == IpRules::Verdict::allow) return all;
  for (const auto& limiter : limiters_) {
    if (!limiter->applies(protocol, source)) continue;
    const Verdict verdict = limiter->ask(host_of(source, ipv6_prefix_), now);
    if (!verdict.admitted) return verdict;
    all.wait = std::max(all.wait, verdict.wait);
  }
  return all;
}

}  // namespace ferry::auth
