// Private keys as text: reading each format, writing OpenSSH's. Below PrivateKey, for its file alone.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "crypto/secret.h"
#include "ssh/keys/native_key.h"

namespace ferry::ssh {

// "BEGIN OPENSSH PRIVATE KEY" (PROTOCOL.key of OpenSSH), not encrypted.
Result<EvpKey> read_openssh_key(std::string_view text);
// PKCS#8 and traditional PEM, not encrypted.
Result<EvpKey> read_pem_key(std::string_view text);

// The public blob of an ed25519, ECDSA or RSA key; unsupported for any other.
Result<Bytes> public_blob(EVP_PKEY* key);
// The text of a key file in OpenSSH's format.
Result<crypto::Secret> write_openssh_key(EVP_PKEY* key, std::string_view comment);

}  // namespace ferry::ssh
