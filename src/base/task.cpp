#include "base/task.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/strand.hpp>
#include <future>
#include <thread>

namespace ferry {

namespace {
std::atomic<unsigned> configured_threads{0};
}

void set_blocking_threads(unsigned count) { configured_threads = count; }

asio::thread_pool& blocking_pool() {
  static asio::thread_pool pool(configured_threads != 0 ? configured_threads.load()
                                                        : std::max(8U, 2 * std::thread::hardware_concurrency()));
  return pool;
}

bool finish_blocking_work(std::chrono::milliseconds limit) {
  std::promise<void> finished;
  std::future<void> end = finished.get_future();
  // thread_pool::join() has no time limit, so a thread of its own waits for it. If it never returns, the process ends
  // with that thread still waiting.
  std::thread([finished = std::move(finished)]() mutable {
    blocking_pool().join();
    finished.set_value();
  }).detach();
  return end.wait_for(limit) == std::future_status::ready;
}

asio::any_io_executor pool_strand() { return asio::make_strand(blocking_pool()); }

}  // namespace ferry
