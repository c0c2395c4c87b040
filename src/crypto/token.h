// Tokens: random identifiers and JSON Web Tokens signed with HMAC-SHA-256 (RFC 7519, RFC 7515 compact form).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace ferry::crypto {

// Letters and digits, each equally likely, from the system's generator; 22 of them hold 130 random bits.
std::string random_id(std::size_t length = 22);

inline constexpr std::size_t max_jwt_size = 16 * 1024;

// header.claims.signature; `claims` is the text of a JSON object and is signed as it stands.
std::string sign_jwt(std::string_view claims, ByteSpan key);

// The claims of a token that `key` signed. Only {"alg":"HS256"} is accepted, without "crit". "exp" must be
// there and lie after `now` (seconds since 1970); "nbf", when there, must not.
// authentication_failed: anything else, with a reason for the log.
Result<std::string> verify_jwt(std::string_view token, ByteSpan key, std::int64_t now);

}  // namespace ferry::crypto
