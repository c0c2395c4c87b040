#include "crypto/apr1.h"

#include <array>

#include "crypto/cipher.h"

namespace ferry::crypto {
namespace {

constexpr std::size_t max_password_size = 511;
constexpr int rounds = 1000;

Bytes md5(std::initializer_list<ByteSpan> parts) { return hash(HashAlgorithm::md5, parts); }

// crypt's own base64: the least significant six bits first.
void append_digits(std::string& out, std::uint32_t value, int count) {
  constexpr std::string_view digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  for (; count > 0; --count, value >>= 6) out += digits[value & 63];
}

std::string encoded(const Bytes& digest) {
  const auto at = [&](std::size_t i) { return std::to_integer<std::uint32_t>(digest[i]); };
  // The order in which MD5 crypt takes the bytes, three at a time.
  constexpr std::array<std::array<std::size_t, 3>, 5> order = {
      {{0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}}};
  std::string out;
  for (const auto& [high, middle, low] : order) append_digits(out, at(high) << 16 | at(middle) << 8 | at(low), 4);
  append_digits(out, at(11), 2);
  return out;
}

Bytes first_digest(std::string_view password, std::string_view salt) {
  const ByteSpan word = as_bytes(password);
  const Bytes inner = md5({word, as_bytes(salt), word});
  Bytes mixed(word.begin(), word.end());
  const auto append = [&](ByteSpan part) { mixed.insert(mixed.end(), part.begin(), part.end()); };
  append(as_bytes(apr1_prefix));
  append(as_bytes(salt));
  for (std::size_t i = 0; i < word.size(); ++i) mixed.push_back(inner[i % inner.size()]);
  // MD5 crypt's quirk: one byte for each bit of the length, a zero for a set bit, else the password's first.
  for (std::size_t bits = word.size(); bits != 0; bits >>= 1) {
    mixed.push_back((bits & 1) != 0 ? std::byte{0} : word[0]);
  }
  Bytes digest = md5({mixed});
  wipe(mixed);
  return digest;
}

}  // namespace

std::string apr1(std::string_view password, std::string_view salt) {
  if (password.size() > max_password_size) return {};
  salt = salt.substr(0, 8);
  const ByteSpan word = as_bytes(password), salt_bytes = as_bytes(salt);
  Bytes digest = first_digest(password, salt);
  for (int i = 0; i < rounds; ++i) {
    const bool odd = i % 2 != 0;
    digest = md5({odd ? word : ByteSpan(digest), i % 3 != 0 ? salt_bytes : ByteSpan(), i % 7 != 0 ? word : ByteSpan(),
                  odd ? ByteSpan(digest) : word});
  }
  return std::string(apr1_prefix) + std::string(salt) + "$" + encoded(digest);
}

}  // namespace ferry::crypto
