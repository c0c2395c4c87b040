// The steps below agree(), where tests can give the server's secrets that a published vector uses.
#pragma once

#include "crypto/curve25519.h"
#include "crypto/ml_kem.h"
#include "ssh/kex/key_agreement.h"
#include "ssh/keys/native_key.h"

namespace ferry::ssh {

// curve25519-sha256.
Result<KeyAgreementAnswer> agree_with(const crypto::X25519Key& own, ByteSpan client_public);
// The methods on NIST's curves and in finite fields; `own` is a key of the method's kind and group.
Result<KeyAgreementAnswer> agree_with(const KeyAgreement& method, EVP_PKEY* own, ByteSpan client_public);

// RFC 7748's result as it is. protocol_error: a wrong length, an all-zero result.
Result<crypto::Secret> agree_x25519(const crypto::X25519Key& own, ByteSpan client_public);

// mlkem768x25519-sha256. `client_public`: C_INIT, the client's ML-KEM key and then its X25519 value.
Result<KeyAgreementAnswer> agree_hybrid(ByteSpan client_public);
// Its second half: S_REPLY and K, from what was encapsulated for the client, our X25519 key and the client's value.
Result<KeyAgreementAnswer> finish_hybrid(const crypto::ml_kem768::Encapsulation& sent, const crypto::X25519Key& own,
                                         ByteSpan client_x25519);

// RFC 4251 section 5: K as an mpint, length prefix included, from an unsigned big-endian number.
crypto::Secret shared_as_mpint(ByteSpan big_endian);

}  // namespace ferry::ssh
