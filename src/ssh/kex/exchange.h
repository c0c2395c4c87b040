// One key exchange's arithmetic: agreement, exchange hash, signature, derived keys (RFC 4253 sections 7.2 and 8).
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "ssh/kex/negotiation.h"
#include "ssh/keys/private_key.h"
#include "ssh/transport/packet_cipher.h"

namespace ferry::ssh {

// All that an exchange needs, by value: it may run on another thread.
struct ExchangeInput {
  const KeyAgreement* method;
  Bytes client_public;         // as it came, without length prefix
  std::string client_version;  // V_C and V_S, without CR LF
  std::string server_version;
  Bytes client_kexinit, server_kexinit;
  std::shared_ptr<const PrivateKey> host_key;
  Bytes host_key_blob;  // K_S: the public key, or a certificate for it
  std::string signature_algorithm;
};

struct ExchangeResult {
  Bytes reply;            // the payload of KEXDH_REPLY / KEX_ECDH_REPLY
  Bytes hash;             // H
  crypto::Secret shared;  // K, encoded
};

Result<ExchangeResult> run_exchange(const ExchangeInput& input);

// RFC 4253 section 7.2: letters 'A' to 'F' of the keys of one direction.
struct KeyLetters {
  char iv, encryption, integrity;
};
inline constexpr KeyLetters client_to_server{'A', 'C', 'E'};
inline constexpr KeyLetters server_to_client{'B', 'D', 'F'};
DirectionKeys derive_keys(crypto::HashAlgorithm hash, const ExchangeResult& exchange, ByteSpan session_id,
                          KeyLetters letters, const Negotiated::Direction& direction);

}  // namespace ferry::ssh
