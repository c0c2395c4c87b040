#include "ssh/channel/receive_window.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace ferry::ssh {

namespace {
std::atomic<std::int64_t> growth{0};  // of all windows of the process
}  // namespace

ReceiveWindow::~ReceiveWindow() { growth -= size_ - initial; }

bool ReceiveWindow::grow() {
  if (size_ >= largest) return false;
  if (growth.fetch_add(size_) + size_ > most_growth) {
    growth -= size_;
    return false;
  }
  size_ *= 2;
  return true;
}

std::uint32_t ReceiveWindow::grant(Time now, std::chrono::microseconds round_trip) {
  std::uint32_t count = std::exchange(consumed_, 0);
  in_period_ += count;
  if (now - period_start_ >= round_trip) {
    // The grants of one round trip came to the window, or nearly: the peer waits for them.
    const bool held_back = period_start_ != Time{} && now - period_start_ < 2 * round_trip && in_period_ >= size_ / 2;
    const std::uint32_t before = size_;
    if (held_back && grow()) count += size_ - before;
    period_start_ = now;
    in_period_ = 0;
  }
  open_ += count;
  return count;
}

}  // namespace ferry::ssh
