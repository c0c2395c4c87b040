// Signal: one coroutine waits, another on the same executor wakes it.
//
// A notify() with nobody waiting is remembered for the next wait(). Not thread-safe: both ends on one io_context.
#pragma once

#include <boost/asio/steady_timer.hpp>

#include "base/task.h"

namespace ferry {

class Signal {
 public:
  explicit Signal(const asio::any_io_executor& executor) : timer_(executor, asio::steady_timer::time_point::max()) {}

  Task<void> wait();
  void notify();

 private:
  asio::steady_timer timer_;
  bool waiting_ = false;
  bool notified_ = false;
};

}  // namespace ferry
