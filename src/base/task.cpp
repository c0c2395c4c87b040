#include "base/task.h"

#include <algorithm>
#include <array>
#include <boost/asio/strand.hpp>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

namespace ferry {

namespace {

constexpr std::size_t lanes = 6;

std::size_t threads_of(Lane lane) {
  const std::size_t cores = std::thread::hardware_concurrency();
  switch (lane) {
    case Lane::disk: return std::max<std::size_t>(8, 2 * cores);
    case Lane::login: return std::max<std::size_t>(4, cores);
    case Lane::compute: return std::max<std::size_t>(2, cores);
    case Lane::database:
    case Lane::process:
    case Lane::remote: break;
  }
  return 8;
}

// What lives on a lane may wait for work on a later one, so these still run while it ends: a settlement (disk) stores a
// quota (database), a part on its way to S3 (remote) may need credentials from a program (process).
constexpr std::array<Lane, lanes> order_of_ending{Lane::disk,    Lane::login,   Lane::remote,
                                                  Lane::process, Lane::compute, Lane::database};

struct Pool {
  std::once_flag started;
  std::unique_ptr<asio::thread_pool> threads;
};

std::array<Pool, lanes>& pools() {
  static std::array<Pool, lanes> all;
  return all;
}

}  // namespace

asio::thread_pool& blocking_pool(Lane lane) {
  Pool& pool = pools()[static_cast<std::size_t>(lane)];
  std::call_once(pool.started, [&] { pool.threads = std::make_unique<asio::thread_pool>(threads_of(lane)); });
  return *pool.threads;
}

void finish_blocking_work() {
  for (const Lane lane : order_of_ending) blocking_pool(lane).join();
}

bool finish_blocking_work(std::chrono::milliseconds limit) {
  std::promise<void> finished;
  std::future<void> end = finished.get_future();
  // thread_pool::join() has no time limit, so a thread of its own waits for it. If it never returns, the process ends
  // with that thread still waiting.
  std::thread([finished = std::move(finished)]() mutable {
    finish_blocking_work();
    finished.set_value();
  }).detach();
  return end.wait_for(limit) == std::future_status::ready;
}

asio::any_io_executor pool_strand(Lane lane) { return asio::make_strand(blocking_pool(lane)); }

}  // namespace ferry
