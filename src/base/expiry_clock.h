// What time it is for everything that ends at some time: accounts, passwords, API keys, certificates, tokens, bans.
//
//   if (key.expires_at < expiry_now_ms()) ... // it has ended, even if the system's clock has been set back since
//
// The system's clock may be set back, by mistake or on purpose, which must not revive what has ended. This one goes on
// from the latest time that the system's clock has shown to it; after a restart it begins anew. It is not for times
// that are only noted or shown.
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
  // The most by which the system's clock has been before the steady one.
  std::atomic<std::int64_t> offset_{std::numeric_limits<std::int64_t>::min()};
  std::atomic<bool> behind_{false};
};

// The process's own.
std::int64_t expiry_now_ms();

}  // namespace ferry
