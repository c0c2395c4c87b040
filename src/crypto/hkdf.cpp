#include "crypto/hkdf.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace ferry::crypto {

namespace {

OSSL_PARAM octets(const char* name, ByteSpan data) {
  // OpenSSL takes no null pointer, not even for nothing.
  const void* const start = data.data() == nullptr ? static_cast<const void*>("") : data.data();
  return OSSL_PARAM_construct_octet_string(name, const_cast<void*>(start), data.size());
}

}  // namespace

Secret hkdf_sha256(ByteSpan secret, ByteSpan salt, ByteSpan info, std::size_t size) {
  std::string digest = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
                                   octets(OSSL_KDF_PARAM_KEY, secret), octets(OSSL_KDF_PARAM_SALT, salt),
                                   octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()};
  EVP_KDF* kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(EVP_KDF_CTX_new(kdf), &EVP_KDF_CTX_free);
  EVP_KDF_free(kdf);
  Secret out(size);
  auto* const bytes = reinterpret_cast<unsigned char*>(out.bytes().data());
  if (!context || EVP_KDF_derive(context.get(), bytes, out.size(), parameters) != 1) {
    throw std::runtime_error("OpenSSL: HKDF");
  }
  return out;
}

}  // namespace ferry::crypto
