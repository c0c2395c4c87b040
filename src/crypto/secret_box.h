// Secrets at rest: the payloads of Secret objects {"status","payload","key","additional_data","mode"}.
// `additional_data` binds a secret to its owner, so a payload copied to another object does not open.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "crypto/secret.h"

namespace ferry::crypto {

// How the box key was made: from `key` and `additional_data` alone, or from the configured master key.
enum class SecretMode : int { own_key = 0, master_key = 1 };

struct SealedSecret {
  std::string payload;  // base64 of nonce and NaCl secretbox
  std::string key;      // 32 random bytes, hex
  SecretMode mode = SecretMode::own_key;
};

// Status "Secretbox". A non-empty `master_key` makes a secret of mode master_key.
SealedSecret seal_secret(ByteSpan plain, std::string_view additional_data, const Secret& master_key);
// invalid_argument: malformed, or a mode without what it needs; authentication_failed: wrong key, owner or master key.
Result<Secret> open_secret(std::string_view payload, std::string_view key, std::string_view additional_data, int mode,
                           const Secret& master_key);

// Status "AES-256-GCM", an older form that is read but not written. Errors as open_secret.
Result<Secret> open_secret_aes256_gcm(std::string_view payload, std::string_view key, std::string_view additional_data);

}  // namespace ferry::crypto
