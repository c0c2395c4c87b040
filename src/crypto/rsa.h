// RSA signatures of tokens (JWT).
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace ferry::crypto {

// RS256 of RFC 7518 section 3.3: PKCS #1 v1.5 with SHA-256. `pem`: an unencrypted private key, PKCS #8 or PKCS #1.
// invalid_argument: it is none, or of another kind than RSA, or shorter than 2048 bits.
Result<Bytes> sign_rs256(std::string_view pem, ByteSpan data);

}  // namespace ferry::crypto
