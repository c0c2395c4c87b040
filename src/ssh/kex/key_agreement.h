// The server's half of each key agreement (RFC 4253 section 8, RFC 5656, RFC 8731), without messages:
// the transport parses KEXDH_INIT / KEX_ECDH_INIT and hands on what the client sent.
#pragma once

#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/cipher.h"
#include "crypto/secret.h"

namespace ferry::ssh {

struct KeyAgreement {
  std::string_view name;       // as negotiated, e.g. "curve25519-sha256"
  crypto::HashAlgorithm hash;  // of the exchange hash and the key derivation
  // How the public values travel and enter the exchange hash: as mpint (finite-field DH) or string (others).
  bool public_is_mpint;
  // Costly enough to be done on the blocking pool (finite-field groups).
  bool slow;
};

struct KeyAgreementAnswer {
  Bytes server_public;    // f or Q_S: the value without its length prefix (an mpint's digits, big-endian)
  crypto::Secret shared;  // K exactly as it enters the hash: length prefix included
};

// All that are built, best first: curve25519-sha256, curve25519-sha256@libssh.org, ecdh-sha2-nistp256,
// ecdh-sha2-nistp384, ecdh-sha2-nistp521, diffie-hellman-group16-sha512, diffie-hellman-group14-sha256.
std::span<const KeyAgreement> key_agreements();
const KeyAgreement* find_key_agreement(std::string_view name);

// Makes an ephemeral key and agrees. `client_public`: e or Q_C without its length prefix. protocol_error: a value
// the RFCs say to refuse (wrong length, point not on the curve, e outside [2, p-2], an all-zero X25519 result).
// Safe from any thread.
Result<KeyAgreementAnswer> agree(const KeyAgreement& method, ByteSpan client_public);

}  // namespace ferry::ssh
