// Signal: a condition variable for coroutines. Some wait(); another coroutine on the same executor wakes all of them,
// and each then checks again whether what it waits for has come.
//
// A wake-up while nobody waits is remembered: the next wait() returns at once. Not thread-safe: everybody who uses a
// Signal runs on one executor that runs one handler at a time (an io_context with one thread, or a strand). Coroutines
// that still wait when their io_context is destroyed are destroyed with it.
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
  // Posts the waiting coroutines to the executor: they go on after the caller has returned to the event loop.
  void notify();
  // Runs the waiting coroutines at once, on the caller's stack, until each waits again or ends. That saves a round of
  // the event loop (an epoll_wait), but when this returns the others may have changed or destroyed anything that they
  // can reach: the caller must not hold references to such things.
  void resume();

 private:
  class Waiter;
  class Waiters;
  struct Hold;
  std::unique_ptr<Waiter> take();

  asio::any_io_executor executor_;
  Waiters& waiters_;
  std::unique_ptr<Waiter> last_;  // the newest waiter, which owns the one before it, and so on
  bool notified_ = false;
};

}  // namespace ferry
