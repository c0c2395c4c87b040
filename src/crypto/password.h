// Password hashes: made with bcrypt or argon2id, verified in every form that an imported account may carry.
// All calls are slow on purpose (50 ms and more): run them on the blocking pool. Safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ferry::crypto {

struct PasswordHashing {
  enum class Algorithm : std::uint8_t { bcrypt, argon2id };
  Algorithm algorithm = Algorithm::bcrypt;
  int bcrypt_cost = 10;                 // 4..max_bcrypt_cost
  std::uint32_t argon2_memory = 65536;  // KiB
  std::uint32_t argon2_iterations = 1;
  std::uint8_t argon2_parallelism = 2;
};

// What a stored hash may cost at most. One above these never verifies (limit_exceeded): it would hold a
// thread for minutes or allocate gigabytes.
inline constexpr int max_bcrypt_cost = 20;
inline constexpr std::uint32_t max_argon2_memory = 1U << 20;              // KiB
inline constexpr std::uint64_t max_argon2_work = std::uint64_t{1} << 24;  // memory in KiB x iterations
inline constexpr std::uint32_t max_pbkdf2_iterations = 10'000'000;
inline constexpr std::uint32_t max_sha_crypt_rounds = 5'000'000;

// Whether `password` is the one `stored_hash` was made from. Forms: bcrypt $2a$ $2b$ $2y$; $argon2id$;
// $pbkdf2-sha1$ $pbkdf2-sha256$ $pbkdf2-sha512$ $pbkdf2-b64salt-sha256$; $1$ $apr1$ $5$ $6$ $y$;
// {MD5} {SHA256} {SHA512} with hex digests.
// unsupported: none of these forms; invalid_argument: malformed; limit_exceeded: see above.
//
// bcrypt reads 72 bytes and no more, so a longer password verifies by its first 72 bytes, as it did where
// the hash came from. The crypt(3) forms cannot hold a NUL: a password with one never verifies against them.
Result<bool> verify_password(std::string_view stored_hash, std::string_view password);

// A new hash with a random salt; bcrypt gets the prefix $2a$. A password that bcrypt would cut (more than
// 72 bytes, or a NUL inside) is hashed with argon2id instead, so that every byte of it counts.
// Parameters outside their limits are brought to the nearest allowed. Throws when the system is out of memory.
std::string hash_password(std::string_view password, const PasswordHashing& hashing);

// Whether the text has one of the forms above by its prefix; it may be damaged.
bool is_password_hash(std::string_view text);
// Whether the hash is whole and costs no more than it may, so that verify_password can say yes or no. unsupported: none
// of the forms above; invalid_argument, limit_exceeded as there. Fast.
Result<void> check_password_hash(std::string_view text);

// The part of a stored hash that says what it costs to verify: form and parameters, without salt and digest. Empty:
// none of the forms.
std::string_view cost_of_hash(std::string_view stored_hash);

// Whether a login that succeeded should replace the stored hash: it is bcrypt or argon2id, and not what
// hash_password(password, hashing) would use. Hashes of other kinds are left as they were imported.
bool needs_rehash(std::string_view stored, const PasswordHashing& hashing, std::string_view password = {});

// How many hashes this process has computed, to verify or to make them. Logins that must not be told apart by their
// time cost the same number.
std::uint64_t password_hashes_computed();

}  // namespace ferry::crypto
