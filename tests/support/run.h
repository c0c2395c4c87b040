// Runs a Task to its end, as a connection's io_context would.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <optional>

#include "base/task.h"
#include "tests/support/lasting_context.h"

namespace ferry::test {

template <class T>
T run(Task<T> task) {
  asio::io_context& io = lasting_context();
  std::optional<T> answer;
  std::exception_ptr failure;
  asio::co_spawn(io, std::move(task), [&](std::exception_ptr thrown, T value) {
    failure = thrown;
    answer.emplace(std::move(value));
  });
  io.run();
  if (failure) std::rethrow_exception(failure);
  return std::move(*answer);
}

inline void run(Task<void> task) {
  asio::io_context& io = lasting_context();
  std::exception_ptr failure;
  asio::co_spawn(io, std::move(task), [&](std::exception_ptr thrown) { failure = thrown; });
  io.run();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace ferry::test
