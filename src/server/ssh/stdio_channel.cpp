#include "server/ssh/stdio_channel.h"

#include <poll.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <cerrno>
#include <utility>

namespace ferry::server {

namespace {

constexpr std::size_t most_input = 2 * 1024 * 1024;  // an SSH channel's window
constexpr std::size_t least_read = 256 * 1024;
constexpr std::size_t most_output = 1024 * 1024;

}  // namespace

Result<std::unique_ptr<StdioChannel>> StdioChannel::open(const asio::any_io_executor& executor, int input, int output,
                                                         std::string id, std::chrono::milliseconds aftermath) {
  std::unique_ptr<StdioChannel> channel(new StdioChannel(executor, std::move(id), aftermath));
  boost::system::error_code error;
  channel->input_.assign(input, error);
  if (!error) channel->output_.assign(output, error);
  if (!error) channel->input_.non_blocking(true, error);
  if (!error) channel->output_.non_blocking(true, error);
  if (error) return fail(ErrorCode::unsupported, "standard input and output must be pipes or sockets");
  channel->await_hang_up();
  return channel;
}

MutableByteSpan StdioChannel::room_for_input() {
  const std::size_t at = available_.empty() ? 0 : static_cast<std::size_t>(available_.data() - buffer_.data());
  if (at > 0) std::memmove(buffer_.data(), available_.data(), available_.size());
  if (buffer_.size() < available_.size() + least_read) buffer_.resize(available_.size() + least_read);
  available_ = ByteSpan(buffer_).first(available_.size());
  return MutableByteSpan(buffer_).subspan(available_.size());
}

Task<bool> StdioChannel::wait_input(std::size_t already) {
  flush();
  while (available_.size() <= already) {
    if (ended_ || aborted_ || available_.size() >= most_input) co_return false;
    const MutableByteSpan room = room_for_input();
    const auto buffer = asio::buffer(room.data(), room.size());
    std::size_t count = 0;
    boost::system::error_code error;
    if (broken_) {  // what has come is served, and nothing is waited for
      count = input_.read_some(buffer, error);
    } else {
      count = co_await input_.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
      if (error && broken_) continue;
    }
    if (error || count == 0) ended_ = true;
    available_ = ByteSpan(buffer_).first(available_.size() + count);
  }
  co_return true;
}

std::span<const iovec> StdioChannel::reserve_output(std::size_t count) {
  if (broken_ || count == 0 || pending() + count > most_output) return {};
  if (sent_ == unsent_.size()) {
    unsent_.clear();
    sent_ = 0;
  }
  reserved_at_ = unsent_.size();
  unsent_.resize(reserved_at_ + count);
  reserved_ = {unsent_.data() + reserved_at_, count};
  return {&reserved_, 1};
}

void StdioChannel::commit_output(std::size_t used) {
  unsent_.resize(reserved_at_ + used);
  if (pending() >= most_output / 4) flush();
}

Task<bool> StdioChannel::wait_output(std::size_t count) {
  if (count > most_output) co_return false;
  flush();
  while (!broken_ && pending() + count > most_output) co_await progress_.wait();
  co_return !broken_;
}

Task<Result<void>> StdioChannel::write(ByteSpan data) {
  while (!data.empty()) {
    const std::size_t count = std::min(data.size(), most_output / 2);
    const bool room = co_await wait_output(count);
    if (!room) co_return fail(ErrorCode::connection_lost, "nobody reads the output");
    const std::span<const iovec> space = reserve_output(count);
    std::memcpy(space.front().iov_base, data.data(), count);
    commit_output(count);
    data = data.subspan(count);
  }
  co_return Result<void>();
}

Task<Result<void>> StdioChannel::write_stderr(ByteSpan data) {
  auto work = [data] { return ::write(STDERR_FILENO, data.data(), data.size()); };
  const ssize_t count = co_await run_blocking(Lane::disk, work);
  if (count < 0) co_return fail_errno(errno, "stderr");
  co_return Result<void>();
}

void StdioChannel::flush() {
  while (!broken_ && !waiting_writable_ && pending() > 0) {
    const ssize_t count = ::write(output_.native_handle(), unsent_.data() + sent_, pending());
    if (count >= 0) {
      sent_ += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      wait_writable();
    } else if (errno != EINTR) {
      broken();
    }
  }
  // What has left is not kept: at the latest when it is half of all.
  if (sent_ > 0 && sent_ * 2 >= unsent_.size()) {
    unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(sent_));
    sent_ = 0;
  }
  progress_.notify();
}

void StdioChannel::wait_writable() {
  waiting_writable_ = true;
  output_.async_wait(asio::posix::stream_descriptor::wait_write, [this](const boost::system::error_code& error) {
    if (error == asio::error::operation_aborted) return;
    waiting_writable_ = false;
    flush();
  });
}

// A request may take hours, in which nothing is written that would fail.
void StdioChannel::await_hang_up() {
  output_.async_wait(asio::posix::stream_descriptor::wait_error, [this](const boost::system::error_code& error) {
    if (error || broken_) return;
    pollfd state{.fd = output_.native_handle(), .events = 0, .revents = 0};
    const bool gone = ::poll(&state, 1, 0) == 1 && (state.revents & (POLLERR | POLLHUP)) != 0;
    if (gone) {
      broken();
    } else {
      await_hang_up();
    }
  });
}

void StdioChannel::broken() {
  broken_ = true;
  boost::system::error_code ignored;
  input_.cancel(ignored);
  progress_.notify();
  watchdog_.expires_after(aftermath_);
  watchdog_.async_wait([this](const boost::system::error_code& error) {
    if (!error) aborted_ = true;
  });
  if (const auto act = std::exchange(on_closed_, nullptr)) act();
}

Task<void> StdioChannel::drain() {
  flush();
  while (!broken_ && pending() > 0) co_await progress_.wait();
}

}  // namespace ferry::server
