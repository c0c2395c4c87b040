#include "vfs/sftp/call.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>

namespace ferry::vfs::sftp {

bool Call::done() const {
  const std::lock_guard lock(mutex_);
  return done_;
}

bool Call::was_sent() const {
  const std::lock_guard lock(mutex_);
  return sent_;
}

Result<Reply> Call::take() {
  const std::lock_guard lock(mutex_);
  return std::move(*result_);
}

void Call::complete(Result<Reply> result) {
  std::function<void()> resume;
  {
    const std::lock_guard lock(mutex_);
    if (done_) return;
    done_ = true;
    result_.emplace(std::move(result));
    request_ = {};
    resume = std::exchange(resume_, nullptr);
  }
  if (resume) resume();
}

void Call::when_done(std::function<void()> resume) {
  {
    const std::lock_guard lock(mutex_);
    if (!done_) {
      resume_ = std::move(resume);
      return;
    }
  }
  resume();
}

Task<void> until_done(CallPtr call) {
  auto begin = [call](auto handler) {
    const auto executor = asio::get_associated_executor(handler);
    auto held = std::make_shared<decltype(handler)>(std::move(handler));
    // The loop must not end while somebody on it waits.
    auto work = asio::make_work_guard(executor);
    call->when_done([held, executor, work] { asio::post(executor, [held] { std::move (*held)(); }); });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(begin, asio::use_awaitable);
}

Task<Result<Reply>> wait(CallPtr call) {
  if (!call->done()) co_await until_done(call);
  co_return call->take();
}

}  // namespace ferry::vfs::sftp
