// ML-KEM-768, the key encapsulation that quantum computers do not break (FIPS 203).
//
//   auto sent = ml_kem768::encapsulate(peers_key);   // sent->ciphertext goes to the peer, sent->shared stays
//
// OpenSSL's own where it has one (3.5 and newer, seen at configure time), else the one in ml_kem.cpp. That one takes
// the same time whatever the secrets are; both wipe them.
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/secret.h"

namespace ferry::crypto::ml_kem768 {

inline constexpr std::size_t encapsulation_key_size = 1184, decapsulation_key_size = 2400, ciphertext_size = 1088;
inline constexpr std::size_t shared_size = 32, seed_size = 32;

struct KeyPair {
  Bytes encapsulation_key;  // public
  Secret decapsulation_key;
};
struct Encapsulation {
  Bytes ciphertext;
  Secret shared;
};

// Section 7.1.
KeyPair generate();
// Section 7.2. protocol_error: a key of a wrong length, or with a coefficient that is not reduced.
Result<Encapsulation> encapsulate(ByteSpan encapsulation_key);
// Section 7.3. A ciphertext that was not made for this key gives a secret that only this side knows (implicit
// rejection). protocol_error: a wrong length, or a key whose own hash is wrong.
Result<Secret> decapsulate(ByteSpan decapsulation_key, ByteSpan ciphertext);

// Our own implementation with the randomness given, 32 bytes each: for known answers. Algorithms 16 and 17.
KeyPair generate_from(ByteSpan d, ByteSpan z);
Result<Encapsulation> encapsulate_with(ByteSpan encapsulation_key, ByteSpan m);

}  // namespace ferry::crypto::ml_kem768
