#include "crypto/rsa.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <limits>
#include <memory>

namespace ferry::crypto {

namespace {

constexpr int least_bits = 2048;

// OpenSSL would ask for a passphrase on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

using PrivateKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

PrivateKey read_rsa_key(std::string_view pem) {
  if (pem.size() > std::numeric_limits<int>::max()) return {nullptr, &EVP_PKEY_free};
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                       &BIO_free);
  return {text ? PEM_read_bio_PrivateKey(text.get(), nullptr, no_passphrase, nullptr) : nullptr, &EVP_PKEY_free};
}

}  // namespace

Result<Bytes> sign_rs256(std::string_view pem, ByteSpan data) {
  const PrivateKey key = read_rsa_key(pem);
  if (!key) return fail(ErrorCode::invalid_argument, "no private key in PEM");
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key.get()) < least_bits) {
    return fail(ErrorCode::invalid_argument, "no RSA key of 2048 bits or more");
  }
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
  std::size_t size = 0;
  if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes, data.size()) != 1) {
    return fail(ErrorCode::internal, "OpenSSL does not sign");
  }
  Bytes signature(size);
  auto* out = reinterpret_cast<unsigned char*>(signature.data());
  if (EVP_DigestSign(context.get(), out, &size, bytes, data.size()) != 1) {
    return fail(ErrorCode::internal, "OpenSSL does not sign");
  }
  signature.resize(size);
  return signature;
}

}  // namespace ferry::crypto
