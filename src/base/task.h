// Task<T>: a coroutine of Boost.Asio. A connection's coroutines all run on one io_context with one
// thread, so they share state without locks between one co_await and the next.
//
// Calls that can block (a database, a password hash, a disk) go through run_blocking: they run on a
// bounded pool of threads, and the coroutine resumes on its own executor. One call of 100 ms on the
// event loop would hold up every connection of that loop for 100 ms.
//
//   auto user = co_await run_blocking(Lane::database, [&] { return store.find_user(name); });
//
// Each lane has threads of its own, so that one dependency which does not answer (a network file system, a database)
// stops what needs it and nothing else.
//
// g++ 12: keep co_await in plain statements; take parameters by value or as references that outlive
// the coroutine; no capturing lambda may itself be a coroutine.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace ferry {

namespace asio = boost::asio;

template <class T = void>
using Task = asio::awaitable<T>;

enum class Lane : std::uint8_t {
  disk,      // local files; settling transfers and scanning quotas, which wait for them: 2 x cores threads, at least 8
  database,  // the data provider: 8
  login,  // reads an account and compares a password's hash, which takes 100 ms of a core: as many as cores, at least 4
  compute,  // other heavy computations: key exchanges, digests: as many as cores, at least 2
  process,  // starts programs and waits for their end: 8
  remote,   // storage behind a network: its coroutines, and files of credentials: 8
};

// The process's pool of a lane. Started on first use.
asio::thread_pool& blocking_pool(Lane lane);
// At the end of the process: waits until all pools are idle and stops them. False: work still runs after `limit` (a
// database or storage that does not answer). The objects which that work uses must then not be destroyed.
bool finish_blocking_work(std::chrono::milliseconds limit);
void finish_blocking_work();  // however long it takes
// An executor on the pool that runs one handler at a time: for a coroutine that runs on the pool and shares state with
// handlers of its own.
asio::any_io_executor pool_strand(Lane lane);

// Runs `work` on the lane's pool and answers what it returns. An exception from `work` comes out
// of the co_await.
template <class Work>
Task<std::invoke_result_t<Work&>> run_blocking(Lane lane, Work work) {
  using T = std::invoke_result_t<Work&>;
  const auto home = co_await asio::this_coro::executor;
  co_await asio::post(asio::bind_executor(blocking_pool(lane), asio::use_awaitable));
  std::exception_ptr failure;
  if constexpr (std::is_void_v<T>) {
    try {
      work();
    } catch (...) {
      failure = std::current_exception();
    }
    co_await asio::post(asio::bind_executor(home, asio::use_awaitable));
    if (failure) std::rethrow_exception(failure);
    co_return;
  } else {
    std::optional<T> result;
    try {
      result.emplace(work());
    } catch (...) {
      failure = std::current_exception();
    }
    co_await asio::post(asio::bind_executor(home, asio::use_awaitable));
    if (failure) std::rethrow_exception(failure);
    co_return std::move(*result);
  }
}

}  // namespace ferry
