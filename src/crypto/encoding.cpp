#include "crypto/encoding.h"

#include <array>

namespace ferry::crypto {
namespace {

constexpr std::string_view standard_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t no_digit = 0xff;

constexpr std::array<std::uint8_t, 256> reversed(std::string_view alphabet) {
  std::array<std::uint8_t, 256> values{};
  values.fill(no_digit);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}
constexpr auto standard_values = reversed(standard_alphabet);
constexpr auto url_values = reversed(url_alphabet);

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Takes the padding of the standard form away; false when it is not exactly what the length asks for.
bool strip_padding(std::string_view& text) {
  if (text.size() % 4 != 0) return false;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return true;
}

}  // namespace

std::string hex_encode(ByteSpan data) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(data.size() * 2);
  for (const std::byte b : data) {
    text += digits[std::to_integer<unsigned>(b) >> 4];
    text += digits[std::to_integer<unsigned>(b) & 15];
  }
  return text;
}

Result<Bytes> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) return fail(ErrorCode::invalid_argument, "odd number of hex digits");
  Bytes data;
  data.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return fail(ErrorCode::invalid_argument, "not a hex digit");
    data.push_back(static_cast<std::byte>(high * 16 + low));
  }
  return data;
}

std::string base64_encode(ByteSpan data, Base64 form) {
  const std::string_view alphabet = form == Base64::url ? url_alphabet : standard_alphabet;
  std::string text;
  text.reserve((data.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < data.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, data.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < count ? std::to_integer<std::uint32_t>(data[i + j]) : 0);
    }
    for (std::size_t j = 0; j <= count; ++j) text += alphabet[group >> (18 - 6 * j) & 63];
  }
  if (form == Base64::standard) text.resize((text.size() + 3) / 4 * 4, '=');
  return text;
}

Result<Bytes> base64_decode(std::string_view text, Base64 form) {
  const auto& values = form == Base64::url ? url_values : standard_values;
  if ((form == Base64::standard && !strip_padding(text)) || text.size() % 4 == 1) {
    return fail(ErrorCode::invalid_argument, "wrong base64 length");
  }
  Bytes data;
  data.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const std::uint8_t value = values[static_cast<unsigned char>(c)];
    if (value == no_digit) return fail(ErrorCode::invalid_argument, "not a base64 digit");
    bits = bits << 6 | value;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    data.push_back(static_cast<std::byte>(bits >> held));
    bits &= (1U << held) - 1;
  }
  if (bits != 0) return fail(ErrorCode::invalid_argument, "unused base64 bits are set");
  return data;
}

}  // namespace ferry::crypto
