// Signal: coroutines wait, another on the same executor wakes them all; each then looks whether it may go on.
//
// A wake-up with nobody waiting is remembered for the next wait(). Not thread-safe: all ends on an executor that runs
// one thing at a time, an io_context with one thread or a strand. What still waits when its execution context is
// destroyed is destroyed with it.
#pragma once

#include <boost/intrusive/list.hpp>
#include <memory>

#include "base/task.h"

namespace ferry {

class Signal : public boost::intrusive::list_base_hook<> {
 public:
  explicit Signal(asio::any_io_executor executor);
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  // Ends without a wake-up when the coroutine is cancelled.
  Task<void> wait();
  // Who waits goes on in a turn of its own.
  void notify();
  // Who waits goes on now, on the caller's stack, until it waits for something or ends: no turn of the event loop is
  // spent, but the caller must not be in the middle of anything that the other may touch.
  void resume();

 private:
  class Waiter;
  class Waiters;
  struct Hold;
  std::unique_ptr<Waiter> take();

  asio::any_io_executor executor_;
  Waiters& waiters_;
  std::unique_ptr<Waiter> last_;  // of those that wait; each holds the one before it
  bool notified_ = false;
};

}  // namespace ferry
