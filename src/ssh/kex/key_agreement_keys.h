// The step below agree(), where tests can give the server's private key that a published vector uses.
#pragma once

#include "ssh/kex/key_agreement.h"
#include "ssh/keys/native_key.h"

namespace ferry::ssh {

// Agrees with `own`, a key of the method's kind and group.
Result<KeyAgreementAnswer> agree_with(const KeyAgreement& method, EVP_PKEY* own, ByteSpan client_public);

// RFC 4251 section 5: K as an mpint, length prefix included, from an unsigned big-endian number.
crypto::Secret shared_as_mpint(ByteSpan big_endian);

}  // namespace ferry::ssh
