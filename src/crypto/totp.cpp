#include "crypto/totp.h"

#include <liboath/oath.h>

#include <array>
#include <cstdlib>
#include <new>

namespace ferry::crypto {

namespace {

constexpr unsigned digits = 6;
constexpr std::int64_t seconds_a_step = 30;
constexpr std::size_t longest_secret = 1024;

int flags_of(HashAlgorithm algorithm) {
  if (algorithm == HashAlgorithm::sha256) return OATH_TOTP_HMAC_SHA256;
  if (algorithm == HashAlgorithm::sha512) return OATH_TOTP_HMAC_SHA512;
  return 0;
}

Result<Secret> decode_base32(const Secret& text) {
  char* decoded = nullptr;
  std::size_t size = 0;
  const bool fits = text.size() <= longest_secret;
  const int code = fits ? oath_base32_decode(text.text().data(), text.size(), &decoded, &size) : OATH_INVALID_BASE32;
  if (code != OATH_OK || size == 0) {
    std::free(decoded);
    return fail(ErrorCode::invalid_argument, "the secret of the one-time codes is not base32");
  }
  Secret secret(std::string_view(decoded, size));
  wipe(decoded, size);
  std::free(decoded);
  return secret;
}

}  // namespace

Secret new_totp_secret(HashAlgorithm algorithm) {
  Secret key(hash_size(algorithm));
  random_bytes(key.bytes());
  char* text = nullptr;
  std::size_t size = 0;
  const char* raw = reinterpret_cast<const char*>(key.bytes().data());
  if (oath_base32_encode(raw, key.size(), &text, &size) != OATH_OK) throw std::bad_alloc();
  std::string_view shown(text, size);
  while (shown.ends_with('=')) shown.remove_suffix(1);  // authenticator apps expect none
  Secret secret(shown);
  wipe(text, size);
  std::free(text);
  return secret;
}

std::optional<HashAlgorithm> totp_algorithm(std::string_view name) {
  if (name == "sha1") return HashAlgorithm::sha1;
  if (name == "sha256") return HashAlgorithm::sha256;
  if (name == "sha512") return HashAlgorithm::sha512;
  return std::nullopt;
}

Result<std::optional<TotpStep>> find_totp_step(const Secret& secret, HashAlgorithm algorithm, std::int64_t unix_seconds,
                                               std::string_view code) {
  const Result<Secret> key = decode_base32(secret);
  if (!key) return fail(key.error());
  const TotpStep now = static_cast<TotpStep>(unix_seconds / seconds_a_step);
  std::optional<TotpStep> found;
  for (const TotpStep step : {now, now - 1, now + 1}) {
    std::array<char, digits + 1> right{};
    const int made = oath_totp_generate2(reinterpret_cast<const char*>(key->bytes().data()), key->size(),
                                         static_cast<time_t>(step) * seconds_a_step, seconds_a_step, 0, digits,
                                         flags_of(algorithm), right.data());
    if (made != OATH_OK) return fail(ErrorCode::internal, "one-time codes cannot be computed");
    const bool same = equal_in_constant_time(as_bytes(std::string_view(right.data(), digits)), as_bytes(code));
    if (same && !found) found = step;
    wipe(right.data(), right.size());
  }
  return found;
}

}  // namespace ferry::crypto
