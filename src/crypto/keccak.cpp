#include "crypto/keccak.h"

#include <openssl/evp.h>

#include <memory>
#include <stdexcept>

namespace ferry::crypto {

namespace {

// Kept for the life of the process: a fetch costs more than hashing a short message.
const EVP_MD* fetch(const char* name) {
  const EVP_MD* digest = EVP_MD_fetch(nullptr, name, nullptr);
  if (digest == nullptr) throw std::runtime_error(std::string("OpenSSL: no ") + name);
  return digest;
}

void compute(const EVP_MD* digest, bool any_length, std::initializer_list<ByteSpan> parts, MutableByteSpan out) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  bool done = context && EVP_DigestInit_ex2(context.get(), digest, nullptr) == 1;
  for (const ByteSpan part : parts) done = done && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  auto* const to = reinterpret_cast<unsigned char*>(out.data());
  if (any_length) {
    done = done && EVP_DigestFinalXOF(context.get(), to, out.size()) == 1;
  } else {
    done = done && out.size() == static_cast<std::size_t>(EVP_MD_get_size(digest)) &&
           EVP_DigestFinal_ex(context.get(), to, nullptr) == 1;
  }
  if (!done) throw std::runtime_error("OpenSSL: SHA-3");
}

}  // namespace

void sha3_256(std::initializer_list<ByteSpan> parts, MutableByteSpan out) {
  static const EVP_MD* const digest = fetch("SHA3-256");
  compute(digest, false, parts, out);
}

void sha3_512(std::initializer_list<ByteSpan> parts, MutableByteSpan out) {
  static const EVP_MD* const digest = fetch("SHA3-512");
  compute(digest, false, parts, out);
}

void shake128(std::initializer_list<ByteSpan> parts, MutableByteSpan out) {
  static const EVP_MD* const digest = fetch("SHAKE128");
  compute(digest, true, parts, out);
}

void shake256(std::initializer_list<ByteSpan> parts, MutableByteSpan out) {
  static const EVP_MD* const digest = fetch("SHAKE256");
  compute(digest, true, parts, out);
}

}  // namespace ferry::crypto
