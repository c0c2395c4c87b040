// Checked reading and writing of big-endian binary formats (SSH, SFTP, KRL, ...).
//
//   ByteReader in(packet);
//   auto id = in.u32();
//   auto path = in.string();
//   if (!in.done()) return fail(ErrorCode::protocol_error, "trailing bytes");
//
// A reader never throws and never reads past its end: after the first read that does not fit it is
// failed, every later read answers zero or empty, and ok() is false. Check once, after the last field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ferry {

using Bytes = std::vector<std::byte>;
using ByteSpan = std::span<const std::byte>;
using MutableByteSpan = std::span<std::byte>;

inline ByteSpan as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view as_text(ByteSpan bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline Bytes to_bytes(std::string_view text) {
  const ByteSpan view = as_bytes(text);
  return Bytes(view.begin(), view.end());
}

inline std::uint32_t load_u32(const std::byte* from) {
  std::uint32_t value;
  std::memcpy(&value, from, sizeof value);
  return __builtin_bswap32(value);
}
inline std::uint64_t load_u64(const std::byte* from) {
  std::uint64_t value;
  std::memcpy(&value, from, sizeof value);
  return __builtin_bswap64(value);
}
inline void store_u32(std::byte* to, std::uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(to, &value, sizeof value);
}
inline void store_u64(std::byte* to, std::uint64_t value) {
  value = __builtin_bswap64(value);
  std::memcpy(to, &value, sizeof value);
}

class ByteReader {
 public:
  ByteReader() = default;
  explicit ByteReader(ByteSpan data) : rest_(data) {}

  std::uint8_t u8();
  std::uint32_t u32();
  std::uint64_t u64();
  bool boolean() { return u8() != 0; }
  // The next `count` bytes, not copied: valid as long as the data that the reader was made from.
  ByteSpan bytes(std::size_t count);
  // RFC 4251 section 5 `string`: u32 length, then that many bytes. A view into the data read.
  ByteSpan blob() { return bytes(u32()); }
  std::string_view string() { return as_text(blob()); }

  bool ok() const { return ok_; }
  // Every read fitted, and no byte is left over.
  bool done() const { return ok_ && rest_.empty(); }
  ByteSpan rest() const { return rest_; }
  void set_failed() {
    ok_ = false;
    rest_ = {};
  }

 private:
  bool take(std::size_t count) {
    if (count <= rest_.size()) return true;
    set_failed();
    return false;
  }

  ByteSpan rest_;
  bool ok_ = true;
};

class ByteWriter {
 public:
  ByteWriter() = default;
  explicit ByteWriter(std::size_t reserve) { out_.reserve(reserve); }

  ByteWriter& u8(std::uint8_t value);
  ByteWriter& u32(std::uint32_t value);
  ByteWriter& u64(std::uint64_t value);
  ByteWriter& boolean(bool value) { return u8(value ? 1 : 0); }
  ByteWriter& bytes(ByteSpan data);
  // u32 length, then the bytes.
  ByteWriter& string(ByteSpan data) { return u32(static_cast<std::uint32_t>(data.size())).bytes(data); }
  ByteWriter& string(std::string_view text) { return string(as_bytes(text)); }
  // RFC 4251 section 5 `mpint` of an unsigned big-endian number: leading zeros dropped, one added
  // back when the top bit is set.
  ByteWriter& mpint(ByteSpan big_endian);

  const Bytes& data() const { return out_; }
  Bytes take() { return std::move(out_); }
  std::size_t size() const { return out_.size(); }
  void clear() { out_.clear(); }

 private:
  Bytes out_;
};

}  // namespace ferry
