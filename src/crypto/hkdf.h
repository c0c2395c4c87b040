// HKDF with SHA-256 (RFC 5869): keys derived from a secret.
#pragma once

#include <cstddef>

#include "base/bytes.h"
#include "crypto/secret.h"

namespace ferry::crypto {

// `size` bytes, at most 8160. `salt` and `info` may be empty; the secret need not be random but should be hard to
// guess.
Secret hkdf_sha256(ByteSpan secret, ByteSpan salt, ByteSpan info, std::size_t size);

}  // namespace ferry::crypto
