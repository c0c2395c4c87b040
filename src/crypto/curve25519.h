// Ed25519 signatures (RFC 8032) and X25519 key agreement (RFC 7748), over libsodium: at every login, they cost half and
// four fifths of what they cost through OpenSSL 3.0.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "crypto/secret.h"

namespace ferry::crypto {

inline constexpr std::size_t ed25519_key_size = 32;  // of the public key, and of the private key's seed
inline constexpr std::size_t ed25519_signature_size = 64;

using Ed25519Key = std::span<const std::byte, ed25519_key_size>;
using Ed25519Signature = std::span<const std::byte, ed25519_signature_size>;

// False also for keys and signatures that are not canonical, and for keys of small order.
[[nodiscard]] bool verify_ed25519(Ed25519Key public_key, Ed25519Signature signature, ByteSpan data);
std::array<std::byte, ed25519_signature_size> sign_ed25519(Ed25519Key seed, Ed25519Key public_key, ByteSpan data);

inline constexpr std::size_t x25519_size = 32;  // of a private key, of a public value, of what is agreed

using X25519Value = std::span<const std::byte, x25519_size>;

// A private key and its public value.
class X25519Key {
 public:
  X25519Key();                                  // of random bytes
  explicit X25519Key(X25519Value private_key);  // of known ones, as published vectors have

  X25519Value public_value() const { return public_; }
  // Nothing when the result is all zero, as with a peer's value of small order (RFC 8731 section 3 refuses it).
  std::optional<Secret> agree(X25519Value peer) const;

 private:
  void compute_public();

  Secret private_{x25519_size};
  std::array<std::byte, x25519_size> public_;
};

}  // namespace ferry::crypto
