// Ed25519 signatures (RFC 8032), over libsodium: half of what they cost through OpenSSL 3.0, at every login.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "base/bytes.h"

namespace ferry::crypto {

inline constexpr std::size_t ed25519_key_size = 32;  // of the public key, and of the private key's seed
inline constexpr std::size_t ed25519_signature_size = 64;

using Ed25519Key = std::span<const std::byte, ed25519_key_size>;
using Ed25519Signature = std::span<const std::byte, ed25519_signature_size>;

// False also for keys and signatures that are not canonical, and for keys of small order.
[[nodiscard]] bool verify_ed25519(Ed25519Key public_key, Ed25519Signature signature, ByteSpan data);
std::array<std::byte, ed25519_signature_size> sign_ed25519(Ed25519Key seed, Ed25519Key public_key, ByteSpan data);

}  // namespace ferry::crypto
