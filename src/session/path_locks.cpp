#include "session/path_locks.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>

namespace ferry::session {

void PathLocks::Held::release() {
  if (locks_ == nullptr) return;
  locks_->give_back(first_);
  if (second_ != first_) locks_->give_back(second_);
  locks_ = nullptr;
}

// Both or none: nobody waits while holding one.
bool PathLocks::try_take(std::size_t first, std::size_t second) {
  if (taken_[first].exchange(true, std::memory_order_acquire)) return false;
  if (first == second || !taken_[second].exchange(true, std::memory_order_acquire)) return true;
  give_back(first);
  return false;
}

Task<PathLocks::Held> PathLocks::take(std::string name) {
  Held held = co_await take(name, name);
  co_return held;
}

Task<PathLocks::Held> PathLocks::take(std::string one, std::string other) {
  const std::size_t first = std::hash<std::string>()(one) % taken_.size();
  const std::size_t second = std::hash<std::string>()(other) % taken_.size();
  constexpr std::chrono::milliseconds longest_nap{16};
  std::chrono::milliseconds nap{1};
  const auto executor = co_await asio::this_coro::executor;
  while (!try_take(first, second)) {
    asio::steady_timer timer(executor, nap);
    co_await timer.async_wait(asio::use_awaitable);
    nap = std::min(nap * 2, longest_nap);
  }
  co_return Held(*this, first, second);
}

}  // namespace ferry::session
