// Secret bytes: wiped when they go, compared in constant time.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"

namespace ferry::crypto {

// Overwrites memory in a way the compiler may not remove.
void wipe(void* data, std::size_t size);
inline void wipe(MutableByteSpan bytes) { wipe(bytes.data(), bytes.size()); }

// Whether both are equal, in time that depends on the lengths alone.
bool equal_in_constant_time(ByteSpan a, ByteSpan b);

// Cryptographically random bytes from the operating system's generator (OpenSSL RAND_bytes).
void random_bytes(MutableByteSpan out);

// A byte string that is wiped on destruction, move and assignment. Never put it in a log.
class Secret {
 public:
  Secret() = default;
  explicit Secret(ByteSpan bytes) : bytes_(bytes.begin(), bytes.end()) {}
  explicit Secret(std::string_view text) : Secret(as_bytes(text)) {}
  explicit Secret(std::size_t size) : bytes_(size) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  Secret& operator=(const Secret& other) {
    if (this != &other) {
      clear();
      bytes_ = other.bytes_;
    }
    return *this;
  }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      clear();
      bytes_ = std::exchange(other.bytes_, {});
    }
    return *this;
  }
  ~Secret() { clear(); }

  ByteSpan bytes() const { return bytes_; }
  MutableByteSpan bytes() { return bytes_; }
  std::string_view text() const { return as_text(bytes_); }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  void clear() {
    wipe(bytes_);
    bytes_.clear();
  }

 private:
  Bytes bytes_;
};

}  // namespace ferry::crypto
