#include "base/expiry_clock.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"

namespace ferry {

namespace {

constexpr std::int64_t tolerance_ms = 60'000;

template <class Clock>
std::int64_t ms_of() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch()).count();
}

}  // namespace

std::int64_t ExpiryClock::now_ms() {
  // The system's clock is read first. If this thread is held up between the two calls for 5 s, the offset comes out 5 s
  // too small and is ignored below. In the other order it would be 5 s too large, and the clock would run ahead for
  // ever.
  const std::int64_t wall = wall_(), steady = steady_();
  const std::int64_t offset = wall - steady;
  std::int64_t most = offset_.load();
  while (most < offset && !offset_.compare_exchange_weak(most, offset)) {
  }
  most = std::max(most, offset);
  const bool behind = most - offset > tolerance_ms;
  if (!behind_.exchange(behind) && behind) {
    log::error(
        "server", "",
        "the clock was set back by {} s; what expires is judged by the time it showed before, until it has caught "
        "up or the server is restarted",
        (most - offset) / 1000);
  }
  return steady + most;
}

std::int64_t expiry_now_ms() {
  static ExpiryClock clock(ms_of<std::chrono::system_clock>, ms_of<std::chrono::steady_clock>);
  return clock.now_ms();
}

}  // namespace ferry
