#include "base/bytes.h"

#include <algorithm>

namespace ferry {

std::uint8_t ByteReader::u8() {
  if (!take(1)) return 0;
  const auto value = static_cast<std::uint8_t>(rest_[0]);
  rest_ = rest_.subspan(1);
  return value;
}

std::uint32_t ByteReader::u32() {
  if (!take(4)) return 0;
  const std::uint32_t value = load_u32(rest_.data());
  rest_ = rest_.subspan(4);
  return value;
}

std::uint64_t ByteReader::u64() {
  if (!take(8)) return 0;
  const std::uint64_t value = load_u64(rest_.data());
  rest_ = rest_.subspan(8);
  return value;
}

ByteSpan ByteReader::bytes(std::size_t count) {
  if (!take(count)) return {};
  const ByteSpan taken = rest_.first(count);
  rest_ = rest_.subspan(count);
  return taken;
}

ByteWriter& ByteWriter::u8(std::uint8_t value) {
  out_.push_back(static_cast<std::byte>(value));
  return *this;
}

ByteWriter& ByteWriter::u32(std::uint32_t value) {
  std::byte raw[4];
  store_u32(raw, value);
  return bytes(raw);
}

ByteWriter& ByteWriter::u64(std::uint64_t value) {
  std::byte raw[8];
  store_u64(raw, value);
  return bytes(raw);
}

ByteWriter& ByteWriter::bytes(ByteSpan data) {
  out_.insert(out_.end(), data.begin(), data.end());
  return *this;
}

ByteWriter& ByteWriter::mpint(ByteSpan big_endian) {
  const auto first = std::ranges::find_if(big_endian, [](std::byte b) { return b != std::byte{0}; });
  const ByteSpan digits(first, big_endian.end());
  if (digits.empty()) return u32(0);
  const bool pad = (digits[0] & std::byte{0x80}) != std::byte{0};
  u32(static_cast<std::uint32_t>(digits.size() + (pad ? 1 : 0)));
  if (pad) u8(0);
  return bytes(digits);
}

}  // namespace ferry
