#include "crypto/hasher.h"

#include <openssl/evp.h>

#include <stdexcept>

namespace ferry::crypto {

namespace {

const EVP_MD* method(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::md5: return EVP_md5();
    case HashAlgorithm::sha1: return EVP_sha1();
    case HashAlgorithm::sha256: return EVP_sha256();
    case HashAlgorithm::sha384: return EVP_sha384();
    case HashAlgorithm::sha512: return EVP_sha512();
  }
  return nullptr;
}

void require(bool done) {
  if (!done) throw std::runtime_error("the cryptographic library refused a digest");
}

}  // namespace

void Hasher::Delete::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Hasher::Hasher(HashAlgorithm algorithm) : context_(EVP_MD_CTX_new()), size_(hash_size(algorithm)) {
  require(context_ && EVP_DigestInit_ex2(context_.get(), method(algorithm), nullptr) == 1);
}

void Hasher::update(ByteSpan data) { require(EVP_DigestUpdate(context_.get(), data.data(), data.size()) == 1); }

Bytes Hasher::finish() {
  Bytes digest(size_);
  require(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr) == 1);
  return digest;
}

}  // namespace ferry::crypto
