#include "base/task.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/strand.hpp>
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

asio::any_io_executor pool_strand() { return asio::make_strand(blocking_pool()); }

}  // namespace ferry
