// How many bytes a channel lets its peer have in flight (RFC 4254 section 5.2), grown with the link.
//
// A window that is used up within one round trip holds the peer back: then it is doubled, up to `largest`, as TCP's
// own dynamic right-sizing does. What all windows together have beyond their first size is bounded, since each is
// memory that a peer could make us hold.
#pragma once

#include <chrono>
#include <cstdint>

namespace ferry::ssh {

class ReceiveWindow {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::uint32_t initial = 2 * 1024 * 1024;
  static constexpr std::uint32_t largest = 16 * 1024 * 1024;
  // Of the process.
  static constexpr std::int64_t most_growth = 256 * 1024 * 1024;

  ReceiveWindow() = default;
  ReceiveWindow(const ReceiveWindow&) = delete;
  ReceiveWindow& operator=(const ReceiveWindow&) = delete;
  ~ReceiveWindow();

  // What the peer may still send.
  std::uint32_t open() const { return open_; }
  void received(std::size_t count) { open_ -= static_cast<std::uint32_t>(count); }
  // The reader is done with that much.
  void consumed(std::size_t count) { consumed_ += static_cast<std::uint32_t>(count); }
  // Whether enough was consumed to be worth a WINDOW_ADJUST.
  bool worth_granting() const { return consumed_ >= initial / 8; }
  // The bytes of a WINDOW_ADJUST, now granted.
  std::uint32_t grant(Time now, std::chrono::microseconds round_trip);

 private:
  bool grow();

  std::uint32_t size_ = initial;
  std::uint32_t open_ = initial;
  std::uint32_t consumed_ = 0;   // not yet given back
  std::uint32_t in_period_ = 0;  // granted since period_start_
  Time period_start_{};
};

}  // namespace ferry::ssh
