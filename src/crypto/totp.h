// One-time codes of authenticator apps (RFC 6238, over liboath): six digits, a new one every 30 seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "crypto/cipher.h"
#include "crypto/secret.h"

namespace ferry::crypto {

// A new random secret as base32 text, as long as the hash (RFC 4226 section 4: at least 128 bits; RFC 6238 uses the
// hash's length).
Secret new_totp_secret(HashAlgorithm algorithm);

// The time step of a code.
using TotpStep = std::uint64_t;

// sha1, sha256 or sha512, as mfa.totp[].algo names them.
std::optional<HashAlgorithm> totp_algorithm(std::string_view name);

// The step whose code this is: the current one, the one before or the one after, so that clocks may differ a little.
// `secret` is base32 text, with or without padding and spaces. Takes the same time for every code of six characters.
// invalid_argument: the secret is not base32, or empty.
Result<std::optional<TotpStep>> find_totp_step(const Secret& secret, HashAlgorithm algorithm, std::int64_t unix_seconds,
                                               std::string_view code);

}  // namespace ferry::crypto
