// A coroutine that waits for its turn until somebody on another thread wakes it, or its time is over.
//
//   auto one = Sleeper::make(co_await asio::this_coro::executor, std::chrono::seconds(30));
//   ... put it into a queue, under a mutex, where another thread finds it and calls wake() ...
//   co_await one->sleep();          // which of the two ended it says the queue, under its mutex
//
// What sleeps is a timer on a strand of its own, so that the coroutine may run on a pool of threads.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <memory>
#include <optional>

#include "base/task.h"

namespace ferry {

class Sleeper : public std::enable_shared_from_this<Sleeper> {
 public:
  // Without a limit it sleeps until it is woken or cancelled. The time begins now.
  static std::shared_ptr<Sleeper> make(const asio::any_io_executor& executor,
                                       std::optional<std::chrono::milliseconds> longest = std::nullopt) {
    using Clock = asio::steady_timer::clock_type;
    const Clock::time_point end = longest ? Clock::now() + *longest : Clock::time_point::max();
    return std::shared_ptr<Sleeper>(new Sleeper(executor, end));
  }

  // Ends at once when wake() was called before.
  Task<void> sleep();
  // From any thread, any number of times, also when nobody sleeps any more.
  void wake();

 private:
  Sleeper(const asio::any_io_executor& executor, asio::steady_timer::time_point end)
      : timer_(asio::make_strand(executor), end) {}
  static Task<void> wait(std::shared_ptr<Sleeper> self);

  asio::steady_timer timer_;  // only touched on its strand
};

}  // namespace ferry
