// What an authenticator app shows (RFC 4226, RFC 6238), computed without the code under test.
#pragma once

#include <string>

#include "crypto/cipher.h"

namespace ferry::auth {

inline constexpr const char* totp_secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";  // base32 of the digits below
inline constexpr const char* totp_secret_bytes = "12345678901234567890";

inline std::string one_time_code(std::int64_t unix_seconds,
                                 crypto::HashAlgorithm algorithm = crypto::HashAlgorithm::sha1) {
  crypto::Hmac hmac(algorithm, as_bytes(totp_secret_bytes));
  Bytes tag(hmac.size());
  hmac.compute({ByteWriter().u64(static_cast<std::uint64_t>(unix_seconds / 30)).data()}, tag);
  const std::size_t at = std::to_integer<std::size_t>(tag.back()) & 0xf;
  const std::string number = std::to_string((load_u32(tag.data() + at) & 0x7fffffffU) % 1'000'000U);
  return std::string(6 - number.size(), '0') + number;
}

}  // namespace ferry::auth
