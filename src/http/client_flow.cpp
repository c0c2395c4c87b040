#include "http/client_flow.h"

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <cstring>

namespace ferry::http {

namespace {

// libcurl hands over 16 KiB at most; it is asked to go on when that has been read at least twice.
constexpr std::size_t least_capacity = std::size_t{64} * 1024;

void call(const std::function<void()>& resume) {
  if (resume) resume();
}

}  // namespace

std::size_t ByteRing::put(ByteSpan bytes) {
  const std::size_t count = std::min(bytes.size(), free());
  if (count == 0) return 0;
  const std::size_t at = (begin_ + size_) % room_.size();
  const std::size_t first = std::min(count, room_.size() - at);
  std::memcpy(room_.data() + at, bytes.data(), first);
  if (count > first) std::memcpy(room_.data(), bytes.data() + first, count - first);
  size_ += count;
  return count;
}

std::size_t ByteRing::take(MutableByteSpan into) {
  const std::size_t count = std::min(into.size(), size_);
  if (count == 0) return 0;
  const std::size_t first = std::min(count, room_.size() - begin_);
  std::memcpy(into.data(), room_.data() + begin_, first);
  if (count > first) std::memcpy(into.data() + first, room_.data(), count - first);
  size_ -= count;
  begin_ = size_ == 0 ? 0 : (begin_ + count) % room_.size();
  return count;
}

Flow::Flow(ClientStreamOptions how)
    : options(how),
      out_(how.sends ? std::max(how.capacity, least_capacity) : 0),
      in_(how.receives ? std::max(how.capacity, least_capacity) : 0) {}

std::function<void()> Flow::changed() {
  ++changes_;
  return std::exchange(resume_, nullptr);
}

std::optional<std::size_t> Flow::take_to_send(MutableByteSpan into) {
  std::function<void()> resume;
  std::optional<std::size_t> count;
  {
    const std::scoped_lock lock(mutex_);
    const std::size_t taken = out_.take(into);
    sent_ += taken;
    waits_for_bytes_ = taken == 0 && !complete_;
    if (waits_for_bytes_) return std::nullopt;
    count = taken;
    resume = changed();
  }
  call(resume);
  return count;
}

std::uint64_t Flow::sent() const {
  const std::scoped_lock lock(mutex_);
  return sent_;
}

bool Flow::put_received(ByteSpan bytes) {
  std::function<void()> resume;
  {
    const std::scoped_lock lock(mutex_);
    waits_for_room_ = in_.free() < bytes.size();
    if (waits_for_room_) return false;
    in_.put(bytes);
    resume = changed();
  }
  call(resume);
  return true;
}

void Flow::set_head(int status, const std::vector<ClientHeader>& headers) {
  std::function<void()> resume;
  {
    const std::scoped_lock lock(mutex_);
    head_.emplace();
    head_->status = status;
    head_->headers = headers;
    resume = changed();
  }
  call(resume);
}

void Flow::end(const Result<void>& outcome, const ClientResponse& response) {
  std::function<void()> resume;
  {
    const std::scoped_lock lock(mutex_);
    if (!outcome) {
      answer_.emplace(fail(outcome.error()));
    } else if (options.sends && response.status / 100 == 2 && (!complete_ || sent_ != given_)) {
      answer_.emplace(fail(ErrorCode::protocol_error, "the server answered with success before it had the whole body"));
    } else {
      answer_.emplace(response);
    }
    resume = changed();
  }
  call(resume);
}

std::function<void()> Flow::drop() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(resume_, nullptr);
}

bool Flow::waits() const {
  const std::scoped_lock lock(mutex_);
  return waits_for_bytes_ || waits_for_room_;
}

Result<Flow::Step> Flow::give(ByteSpan bytes) {
  const std::scoped_lock lock(mutex_);
  if (answer_) {
    if (!*answer_) return fail(answer_->error());
    return fail(ErrorCode::conflict, "the server has answered before the end of the body");
  }
  if (complete_ || (options.size && bytes.size() > *options.size - given_)) {
    return fail(ErrorCode::invalid_argument, "more than the stated size of a body");
  }
  Step step;
  step.count = out_.put(bytes);
  given_ += step.count;
  if (step.count > 0) step.wakes = std::exchange(waits_for_bytes_, false);
  return step;
}

Result<std::optional<Flow::Step>> Flow::read(MutableByteSpan into) {
  const std::scoped_lock lock(mutex_);
  if (in_.size() == 0) {
    if (!answer_) return std::nullopt;
    if (!*answer_) return fail(answer_->error());
    if ((*answer_)->status / 100 != 2) return fail(ErrorCode::conflict, "the answer is no success, and has no body");
    return Step{};
  }
  Step step;
  step.count = in_.take(into);
  if (in_.free() >= least_capacity / 2) step.wakes = std::exchange(waits_for_room_, false);
  return step;
}

Result<bool> Flow::complete() {
  const std::scoped_lock lock(mutex_);
  if (options.size && given_ != *options.size && !answer_) {
    return fail(ErrorCode::invalid_argument, "less than the stated size of a body");
  }
  complete_ = true;
  return std::exchange(waits_for_bytes_, false);
}

std::optional<Result<ClientResponse>> Flow::head() const {
  const std::scoped_lock lock(mutex_);
  if (head_) return Result<ClientResponse>(*head_);
  return answer_;
}

std::optional<Result<ClientResponse>> Flow::answer() const {
  const std::scoped_lock lock(mutex_);
  return answer_;
}

bool Flow::ended() const {
  const std::scoped_lock lock(mutex_);
  return answer_.has_value();
}

std::uint64_t Flow::changes() const {
  const std::scoped_lock lock(mutex_);
  return changes_;
}

void Flow::wait(std::uint64_t seen, std::function<void()> resume) {
  {
    const std::scoped_lock lock(mutex_);
    if (changes_ == seen) {
      resume_ = std::move(resume);
      return;
    }
  }
  resume();
}

Task<void> Flow::wait_for_change(std::shared_ptr<Flow> flow, std::uint64_t seen) {
  const asio::any_io_executor home = co_await asio::this_coro::executor;
  const auto begin = [flow, seen, home](auto handler) {
    const auto kept = std::make_shared<decltype(handler)>(std::move(handler));
    // An io_context goes on running while it is waited for.
    const asio::any_io_executor tracked = asio::prefer(home, asio::execution::outstanding_work.tracked);
    flow->wait(seen, [kept, tracked] { asio::post(tracked, [kept] { std::move (*kept)(); }); });
  };
  co_await asio::async_initiate<decltype(asio::use_awaitable), void()>(begin, asio::use_awaitable);
}

}  // namespace ferry::http
