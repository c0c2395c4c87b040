#include "crypto/ml_kem_openssl.h"

#ifdef FERRY_OPENSSL_ML_KEM

#include <openssl/evp.h>

#include <memory>

namespace ferry::crypto::ml_kem768 {

Result<Encapsulation> openssl_encapsulate(ByteSpan encapsulation_key) {
  // OpenSSL does section 7.2's checks here: of the length and of the modulus.
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      EVP_PKEY_new_raw_public_key_ex(nullptr, "ML-KEM-768", nullptr,
                                     reinterpret_cast<const unsigned char*>(encapsulation_key.data()),
                                     encapsulation_key.size()),
      &EVP_PKEY_free);
  if (!key) return fail(ErrorCode::protocol_error, "ML-KEM: key refused");
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr), &EVP_PKEY_CTX_free);
  Encapsulation result{Bytes(ciphertext_size), Secret(shared_size)};
  std::size_t ciphertext_length = ciphertext_size, shared_length = shared_size;
  const bool done = context && EVP_PKEY_encapsulate_init(context.get(), nullptr) == 1 &&
                    EVP_PKEY_encapsulate(
                        context.get(), reinterpret_cast<unsigned char*>(result.ciphertext.data()), &ciphertext_length,
                        reinterpret_cast<unsigned char*>(result.shared.bytes().data()), &shared_length) == 1 &&
                    ciphertext_length == ciphertext_size && shared_length == shared_size;
  if (!done) return fail(ErrorCode::internal, "OpenSSL: ML-KEM encapsulation failed");
  return result;
}

}  // namespace ferry::crypto::ml_kem768

#endif
