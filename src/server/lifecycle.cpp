#include "server/lifecycle.h"

#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "base/log.h"

namespace ferry::server {

namespace {

using Clock = std::chrono::steady_clock;

sigset_t our_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGHUP, SIGUSR1, SIGTERM, SIGINT}) sigaddset(&set, number);
  return set;
}

// The next signal, or 0 when `until` came first.
int wait_for_signal(Clock::time_point until) {
  const sigset_t set = our_signals();
  while (true) {
    const auto left = std::max(Clock::duration::zero(), until - Clock::now());
    const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
    const timespec timeout{static_cast<std::time_t>(nanoseconds / 1'000'000'000), nanoseconds % 1'000'000'000};
    const int number = sigtimedwait(&set, nullptr, &timeout);
    if (number > 0) return number;
    if (errno == EAGAIN) return 0;
  }
}

// True when the signal asks for the end.
bool handle(int number, const LifecycleActions& actions) {
  if (number == SIGHUP) actions.reload();
  if (number == SIGUSR1) actions.rotate();
  return number == SIGTERM || number == SIGINT;
}

// Waits while `wanted` says so, for `limit` at most; a signal for the end cuts it short when `may_hurry`.
template <class Wanted>
void wait_while(const LifecycleActions& actions, std::chrono::milliseconds limit, bool may_hurry, Wanted wanted) {
  const auto end = Clock::now() + limit;
  while (wanted() && Clock::now() < end) {
    const int number = wait_for_signal(std::min(end, Clock::now() + std::chrono::milliseconds(50)));
    if (handle(number, actions) && may_hurry) return;
  }
}

}  // namespace

void block_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file at the process's size limit is the client's error, not our end
  const sigset_t set = our_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void run_until_stopped(const LifecycleActions& actions, const LifecycleTimes& times) {
  auto next_tick = Clock::now() + times.tick;
  while (true) {
    if (handle(wait_for_signal(next_tick), actions)) break;
    if (Clock::now() < next_tick) continue;
    actions.tick();
    next_tick = Clock::now() + times.tick;
  }
  log::info("server", "", "stopping; running transfers have {} s to finish", times.grace.count() / 1000);
  actions.stop_accepting();
  wait_while(actions, times.grace, true, actions.busy);
  actions.close_all();
  wait_while(actions, times.closing, false, [&] { return !actions.gone(); });
}

}  // namespace ferry::server
