// Trying a request to an object store again. Services answer "slow down" or break connections every day; a client of
// ours should not see that.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <type_traits>

#include "vfs/object/object_store.h"

namespace ferry::vfs::object {

// How the tries of one request go on: at most 10 in 3 minutes. The pause before try n is a random time between 0 and
// 100 ms x 2^n, at most 10 s ("full jitter": clients that failed together do not come back together), and not less than
// the service asked for.
class Retries {
 public:
  explicit Retries(const ObjectStore& store) : store_(store) {}
  // No value: this is how it ends. Else the pause before the next try.
  std::optional<std::chrono::milliseconds> after(const Error& error);
  int tries() const { return tries_; }

 private:
  const ObjectStore& store_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  int tries_ = 1;
};

// `call` is a function, not a coroutine, that begins one try: [=] { return store->head(key); }
// `tries`, if not null, is set to how many there were: after more than one, "already exists" may mean our own first
// try, whose answer was lost.
template <class Call>
std::invoke_result_t<Call&> retried(std::shared_ptr<ObjectStore> store, Call call, int* tries = nullptr) {
  Retries retries(*store);
  for (;;) {
    auto answer = co_await call();
    if (tries != nullptr) *tries = retries.tries();
    if (answer) co_return answer;
    const auto pause = retries.after(answer.error());
    if (!pause) co_return answer;
    asio::steady_timer timer(co_await asio::this_coro::executor, *pause);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace ferry::vfs::object
