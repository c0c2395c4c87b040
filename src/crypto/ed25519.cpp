#include "crypto/ed25519.h"

#include <sodium.h>

#include <algorithm>
#include <stdexcept>

#include "crypto/secret.h"

namespace ferry::crypto {

namespace {

// Chooses the fastest code for this processor; safe to call from many threads and again.
void set_up() {
  static const int ready = sodium_init();
  if (ready < 0) throw std::runtime_error("libsodium: set-up");
}

const unsigned char* raw(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }

}  // namespace

bool verify_ed25519(Ed25519Key public_key, Ed25519Signature signature, ByteSpan data) {
  set_up();
  return crypto_sign_verify_detached(raw(signature.data()), raw(data.data()), data.size(), raw(public_key.data())) == 0;
}

std::array<std::byte, ed25519_signature_size> sign_ed25519(Ed25519Key seed, Ed25519Key public_key, ByteSpan data) {
  set_up();
  Secret both(seed.size() + public_key.size());  // libsodium's private key
  std::ranges::copy(seed, both.bytes().begin());
  std::ranges::copy(public_key, both.bytes().begin() + ed25519_key_size);
  std::array<std::byte, ed25519_signature_size> signature;
  crypto_sign_detached(reinterpret_cast<unsigned char*>(signature.data()), nullptr, raw(data.data()), data.size(),
                       raw(both.bytes().data()));
  return signature;
}

}  // namespace ferry::crypto
