#include "vfs/object/cached_token.h"

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <utility>

#include "vfs/object/times.h"

namespace ferry::vfs::object {

namespace {

constexpr std::int64_t renewed_before = 300;  // seconds
constexpr std::chrono::milliseconds longest_token_wait{30'000}, between_token_looks{50};

}  // namespace

// Whatever happens, also the end of a coroutine where it stands, nobody may wait for ever.
struct CachedToken::FetchEnds {
  explicit FetchEnds(CachedToken& token) : token_(token) {}
  FetchEnds(const FetchEnds&) = delete;
  FetchEnds& operator=(const FetchEnds&) = delete;
  ~FetchEnds() {
    const std::scoped_lock lock(token_.mutex_);
    token_.fetching_ = false;
  }
  CachedToken& token_;
};

Task<Result<crypto::Secret>> CachedToken::token() {
  bool mine = false;
  {
    const std::scoped_lock lock(mutex_);
    const std::int64_t left = held_.expires - unix_now();
    if (left > renewed_before || (left > 0 && fetching_)) co_return held_.text;
    mine = !std::exchange(fetching_, true);
  }
  if (mine) {
    auto fetched = co_await fetch_and_keep();
    co_return fetched;
  }
  auto waited = co_await wait_for_another();
  co_return waited;
}

Task<Result<crypto::Secret>> CachedToken::wait_for_another() {
  const auto until = std::chrono::steady_clock::now() + longest_token_wait;
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  while (std::chrono::steady_clock::now() < until) {
    timer.expires_after(between_token_looks);
    co_await timer.async_wait(asio::use_awaitable);
    const std::scoped_lock lock(mutex_);
    if (held_.expires > unix_now()) co_return held_.text;
    if (!fetching_) co_return fail(ErrorCode::io_error, "no access token could be had");
  }
  co_return fail(ErrorCode::timeout, "no access token in time");
}

Task<Result<crypto::Secret>> CachedToken::fetch_and_keep() {
  const FetchEnds ends(*this);
  auto fetched = co_await fetch();
  const std::scoped_lock lock(mutex_);
  if (fetched) held_ = std::move(*fetched);
  if (held_.expires > unix_now()) co_return held_.text;
  if (fetched) co_return fail(ErrorCode::io_error, "an access token that has ended already");
  co_return fail(fetched.error());
}

}  // namespace ferry::vfs::object
