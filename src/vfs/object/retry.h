// Trying a request to an object store again. Services answer "slow down" or break connections every day; a client of
// ours should not see that.
#pragma once

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <type_traits>

#include "vfs/object/object_store.h"

namespace ferry::vfs::object {

// Whether another try may go better.
bool is_passing(ErrorCode code);

// How the tries of one request go on: at most 10, in the 3 minutes after the first has failed. The pause before try n
// is a random time between 0 and 100 ms x 2^n, at most 10 s ("full jitter": clients that failed together do not come
// back together), and not less than the service asked for.
class Retries {
 public:
  explicit Retries(const ObjectStore& store) : store_(store) {}
  // No value: this is how it ends. Else the pause before the next try.
  std::optional<std::chrono::milliseconds> after(const Error& error);

 private:
  const ObjectStore& store_;
  std::optional<std::chrono::steady_clock::time_point> failing_since_;
  int tries_ = 1;
};

// Whether nobody wants the answer any more. Asked between tries, and ten times a second while one is waited for.
using GivenUp = std::function<bool()>;

// `call` is a function, not a coroutine, that begins one try: [=] { return store->head(key); }
template <class Call>
std::invoke_result_t<Call&> retried(std::shared_ptr<ObjectStore> store, Call call, GivenUp given_up = nullptr) {
  constexpr std::chrono::milliseconds between_looks{100};
  Retries retries(*store);
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    auto answer = co_await call();
    if (answer) co_return answer;
    const auto pause = retries.after(answer.error());
    if (!pause) co_return answer;
    for (std::chrono::milliseconds left = *pause; left.count() > 0;) {
      const std::chrono::milliseconds step = given_up ? std::min(left, between_looks) : left;
      timer.expires_after(step);
      co_await timer.async_wait(asio::use_awaitable);
      left -= step;
      if (given_up && given_up()) co_return answer;
    }
    if (given_up && given_up()) co_return answer;
  }
}

}  // namespace ferry::vfs::object
