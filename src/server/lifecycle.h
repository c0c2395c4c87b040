// From start to end: what signals ask for, the clock of housekeeping, and the orderly end.
//
//   SIGHUP   reload          SIGUSR1  rotate
//   SIGTERM, SIGINT          stop accepting; wait while busy, for the grace time at most; close everything; wait
//                            until all is gone, for 15 seconds at most. A second one skips the grace time.
#pragma once

#include <chrono>
#include <functional>

namespace ferry::server {

struct LifecycleActions {
  std::function<void()> reload;
  std::function<void()> rotate;
  std::function<void()> tick;  // every few seconds
  std::function<void()> stop_accepting;
  std::function<bool()> busy;  // something runs that is worth waiting for
  std::function<void()> close_all;
  std::function<bool()> gone;  // nothing is left
};

struct LifecycleTimes {
  std::chrono::milliseconds grace{0};
  std::chrono::milliseconds closing{15'000};  // longer than a locked database lets its callers wait
  std::chrono::milliseconds tick{5000};
};

// Runs on the calling thread until the orderly end is over. The actions are called on this thread.
void run_until_stopped(const LifecycleActions& actions, const LifecycleTimes& times);

// Takes over the signals above from now on, so that one that comes before run_until_stopped is not lost.
void block_signals();

}  // namespace ferry::server
