// mlkem768x25519-sha256: ML-KEM-768 and X25519, broken only when both are (draft-ietf-sshm-mlkem-hybrid-kex).
#include <algorithm>
#include <iterator>

#include "ssh/kex/key_agreement_keys.h"

namespace ferry::ssh {

namespace kem = crypto::ml_kem768;
using crypto::x25519_size;

Result<KeyAgreementAnswer> finish_hybrid(const kem::Encapsulation& sent, const crypto::X25519Key& own,
                                         ByteSpan client_x25519) {
  const Result<crypto::Secret> classical = agree_x25519(own, client_x25519);
  if (!classical) return fail(classical.error());

  KeyAgreementAnswer answer;
  answer.server_public = sent.ciphertext;
  std::ranges::copy(own.public_value(), std::back_inserter(answer.server_public));
  // Section 2.4: K = HASH(K_PQ || K_CL), encoded as string, not as mpint.
  Bytes combined = crypto::hash(crypto::HashAlgorithm::sha256, {sent.shared.bytes(), classical->bytes()});
  answer.shared = crypto::Secret(4 + combined.size());
  store_u32(answer.shared.bytes().data(), static_cast<std::uint32_t>(combined.size()));
  std::ranges::copy(combined, answer.shared.bytes().begin() + 4);
  crypto::wipe(combined);
  return answer;
}

Result<KeyAgreementAnswer> agree_hybrid(ByteSpan client_public) {
  if (client_public.size() != kem::encapsulation_key_size + x25519_size) {
    return fail(ErrorCode::protocol_error, "hybrid value of a wrong length");
  }
  const Result<kem::Encapsulation> sent = kem::encapsulate(client_public.first(kem::encapsulation_key_size));
  if (!sent) return fail(sent.error());
  return finish_hybrid(*sent, crypto::X25519Key(), client_public.subspan(kem::encapsulation_key_size));
}

}  // namespace ferry::ssh
