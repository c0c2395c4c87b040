// A Channel in memory: input that arrives in chosen portions and fragments, output with a chosen packet size and
// window. Every fragment lives in its own allocation, so the sanitizer sees a use after consume().
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "ssh/channel/channel.h"

namespace ferry::test {

struct ChannelShape {
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
  std::size_t portion = unlimited;       // bytes that arrive at once
  std::size_t fragment = unlimited;      // bytes that lie together
  std::size_t packet = 32 * 1024;        // largest span of a reservation
  std::size_t window = unlimited;        // bytes that may be sent until wait_output or write refills it
  std::size_t breaks_after = unlimited;  // bytes of output after which the client is gone
  bool aborts = false;                   // then the server has ended it
};

class FakeChannel : public ssh::Channel {
 public:
  explicit FakeChannel(ByteSpan incoming, ChannelShape shape = {})
      : incoming_(incoming.begin(), incoming.end()), shape_(shape), window_(shape.window) {}

  // Where portions end, instead of every `portion` bytes.
  void cut_at(std::vector<std::size_t> positions) { cuts_ = std::move(positions); }

  Task<bool> wait_input(std::size_t already) override {
    EXPECT_FALSE(reserved_);
    co_await asio::post(asio::use_awaitable);
    while (input_size_ <= already) {
      if (gone() || arrived_ == incoming_.size()) co_return false;
      arrive();
    }
    co_return true;
  }
  std::span<const ByteSpan> input() const override { return views_; }
  std::size_t input_size() const override { return input_size_; }
  void consume(std::size_t count) override {
    ASSERT_LE(count, input_size_);
    input_size_ -= count;
    while (count > 0) {
      const std::size_t run = std::min(count, views_.front().size());
      views_.front() = views_.front().subspan(run);
      count -= run;
      if (views_.front().empty()) {
        views_.erase(views_.begin());
        fragments_.pop_front();
      }
    }
  }

  std::span<const iovec> reserve_output(std::size_t count) override {
    EXPECT_FALSE(reserved_);
    if (gone() || count > window_) return {};
    reserved_ = true;
    room_.assign(count, std::byte{0xee});
    spans_.clear();
    for (std::size_t at = 0; at < count; at += shape_.packet) {
      spans_.push_back({room_.data() + at, std::min(shape_.packet, count - at)});
    }
    return spans_;
  }
  void commit_output(std::size_t used) override {
    EXPECT_TRUE(reserved_);
    ASSERT_LE(used, room_.size());
    reserved_ = false;
    commits += used > 0;
    send(ByteSpan(room_).first(used));
    room_ = Bytes();
  }
  Task<bool> wait_output(std::size_t count) override {
    EXPECT_FALSE(reserved_);
    co_await asio::post(asio::use_awaitable);
    if (gone() || count > shape_.window) co_return false;
    window_ = shape_.window;
    co_return true;
  }
  Task<Result<void>> write(ByteSpan data) override {
    EXPECT_FALSE(reserved_);
    ++writes;
    co_await asio::post(asio::use_awaitable);
    if (gone()) co_return fail(ErrorCode::connection_lost);
    window_ = shape_.window;
    output.insert(output.end(), data.begin(), data.end());
    co_return Result<void>();
  }
  Task<Result<void>> write_stderr(ByteSpan) override { co_return Result<void>(); }
  void flush() override {
    ++flushes;
    flushed = output.size();
  }
  void send_exit_status(std::uint32_t status) override { exit_status = static_cast<int>(status); }
  void send_eof() override {}
  bool closed() const override { return gone(); }
  bool aborted() const override { return gone() && shape_.aborts; }
  void on_closed(std::function<void()>) override {}
  const std::string& connection_id() const override { return id_; }

  Bytes output;
  std::size_t flushed = 0;  // bytes of output when flush was called last
  int flushes = 0;
  int commits = 0;  // reservations that were used
  int writes = 0;   // calls of write
  int exit_status = -1;

 private:
  bool gone() const { return output.size() >= shape_.breaks_after; }
  void send(ByteSpan data) {
    output.insert(output.end(), data.begin(), data.end());
    window_ -= data.size();
  }
  void arrive() {
    std::size_t end = incoming_.size();
    if (!cuts_.empty()) {
      const auto next = std::ranges::upper_bound(cuts_, arrived_);
      if (next != cuts_.end()) end = std::min(end, *next);
    } else if (shape_.portion < end - arrived_) {
      end = arrived_ + shape_.portion;
    }
    while (arrived_ < end) {
      const std::size_t run = std::min(shape_.fragment, end - arrived_);
      auto copy = std::make_unique<std::byte[]>(run);
      std::copy_n(incoming_.begin() + static_cast<std::ptrdiff_t>(arrived_), run, copy.get());
      views_.emplace_back(copy.get(), run);
      fragments_.push_back(std::move(copy));
      arrived_ += run;
      input_size_ += run;
    }
  }

  Bytes incoming_;
  ChannelShape shape_;
  std::vector<std::size_t> cuts_;
  std::size_t arrived_ = 0;
  std::deque<std::unique_ptr<std::byte[]>> fragments_;
  std::vector<ByteSpan> views_;
  std::size_t input_size_ = 0;
  std::size_t window_;
  bool reserved_ = false;
  Bytes room_;
  std::vector<iovec> spans_;
  std::string id_ = "test";
};

}  // namespace ferry::test
