// The server's half of each key agreement (RFC 4253 section 8, RFC 5656, RFC 8731, draft-ietf-sshm-mlkem-hybrid-kex),
// without messages: the transport parses KEXDH_INIT / KEX_ECDH_INIT / KEX_HYBRID_INIT and hands on what the client
// sent.
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
  // Diffie-Hellman in a finite field. Its public values travel and enter the exchange hash as mpint, the others' as
  // string; and it is costly enough to be done on the blocking pool.
  bool finite_field;
  bool by_default;  // offered when the configuration names none
};

struct KeyAgreementAnswer {
  Bytes server_public;    // f, Q_S or S_REPLY without its length prefix (an mpint's digits, big-endian)
  crypto::Secret shared;  // K exactly as it enters the hash: length prefix included
};

// All that are built, best first. NIST's curves and SHA-1 are not offered by default, nor is a group of 8192 bits,
// which costs an attacker little and the server much.
std::span<const KeyAgreement> key_agreements();
const KeyAgreement* find_key_agreement(std::string_view name);

// Makes an ephemeral key and agrees. `client_public`: e, Q_C or C_INIT without its length prefix. protocol_error:
// a value the RFCs say to refuse (wrong length, point not on the curve, e outside [2, p-2], an all-zero X25519 result,
// an ML-KEM key that is not reduced). Safe from any thread.
Result<KeyAgreementAnswer> agree(const KeyAgreement& method, ByteSpan client_public);

}  // namespace ferry::ssh
