#include "base/turn.h"

#include <chrono>

namespace ferry {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds longest_turn{5};

thread_local Clock::time_point turn_began;

}  // namespace

bool turn_is_over() { return Clock::now() - turn_began > longest_turn; }

Task<void> give_way() {
  // Set first: whoever runs meanwhile on this thread has a turn of its own.
  turn_began = Clock::now();
  co_await asio::post(asio::use_awaitable);
  turn_began = Clock::now();
}

}  // namespace ferry
