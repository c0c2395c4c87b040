// An io_context for a test that runs one task to its end and must not destroy the loop then: a thread of the pool may
// still be waking it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <deque>
#include <mutex>

#include "base/task.h"

namespace ferry::test {

// This thread's, ready to run; it lives as long as the process.
inline asio::io_context& lasting_context() {
  static std::mutex mutex;
  static auto& all = *new std::deque<asio::io_context>;
  thread_local asio::io_context& own = []() -> asio::io_context& {
    const std::scoped_lock lock(mutex);
    return all.emplace_back();
  }();
  own.restart();
  return own;
}

}  // namespace ferry::test
