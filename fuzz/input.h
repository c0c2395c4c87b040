// Takes a fuzzer's bytes apart. Whatever they are, every call answers something.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/bytes.h"

namespace ferry::fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const std::byte*>(data), size) {}

  bool empty() const { return rest_.empty(); }
  ByteSpan rest() const { return rest_; }

  // 0 at the end.
  std::uint8_t byte() { return rest_.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(take(1)[0]); }
  std::uint16_t two() {
    const unsigned high = byte();
    return static_cast<std::uint16_t>(high << 8U | byte());
  }
  // At most `count` bytes.
  ByteSpan take(std::size_t count) {
    const ByteSpan taken = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  // A message: its length in two bytes, then that many or as many as there are.
  ByteSpan message() { return take(two()); }

 private:
  ByteSpan rest_;
};

// Ends the run as a crash: what the fuzzer reports.
inline void require(bool truth) {
  if (!truth) __builtin_trap();
}

}  // namespace ferry::fuzz
