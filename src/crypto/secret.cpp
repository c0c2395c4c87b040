#include "crypto/secret.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <stdexcept>

namespace ferry::crypto {

void wipe(void* data, std::size_t size) { OPENSSL_cleanse(data, size); }

bool equal_in_constant_time(ByteSpan a, ByteSpan b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void random_bytes(MutableByteSpan out) {
  if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size())) != 1) {
    throw std::runtime_error("the system's random generator failed");
  }
}

}  // namespace ferry::crypto
