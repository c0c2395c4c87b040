// The time by which things expire: accounts, passwords, API keys, certificates, tokens, bans.
//
//   if (key.expires_at < expiry_now_ms()) ... // it has ended, even if the system's clock has been set back since
//
// Setting the system's clock back must not make an expired account valid again. This clock never goes back: example: at
// 12:00 the system's clock is set to 09:00; ten minutes later this clock says 12:10. It forgets this at a restart (then
// auth/rules.h check_clock compares with the times in the store). Times that are only logged or shown use the
// system's clock.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <utility>

namespace ferry {

class ExpiryClock {
 public:
  // `wall`: Unix milliseconds. `steady`: milliseconds since whenever, never going back.
  ExpiryClock(std::function<std::int64_t()> wall, std::function<std::int64_t()> steady)
      : wall_(std::move(wall)), steady_(std::move(steady)) {}

  // Unix milliseconds. Logs once when the system's clock is found to be more than a minute behind. Safe from any
  // thread.
  std::int64_t now_ms();

 private:
  const std::function<std::int64_t()> wall_, steady_;
  // The largest difference wall - steady seen so far; now = steady + offset.
  std::atomic<std::int64_t> offset_{std::numeric_limits<std::int64_t>::min()};
  std::atomic<bool> behind_{false};
};

// The time of the one clock of this process.
std::int64_t expiry_now_ms();

}  // namespace ferry
