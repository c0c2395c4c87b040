#include "crypto/curve25519.h"

#include <sodium.h>

#include <algorithm>
#include <stdexcept>

namespace ferry::crypto {

namespace {

// Chooses the fastest code for this processor; safe to call from many threads and again.
void set_up() {
  static const int ready = sodium_init();
  if (ready < 0) throw std::runtime_error("libsodium: set-up");
}

const unsigned char* raw(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }
unsigned char* raw(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

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
  crypto_sign_detached(raw(signature.data()), nullptr, raw(data.data()), data.size(), raw(both.bytes().data()));
  return signature;
}

X25519Key::X25519Key() {
  random_bytes(private_.bytes());
  compute_public();
}

X25519Key::X25519Key(X25519Value private_key) : private_(private_key) { compute_public(); }

void X25519Key::compute_public() {
  set_up();
  if (crypto_scalarmult_base(raw(public_.data()), raw(private_.bytes().data())) != 0) {
    throw std::runtime_error("libsodium: no public value");
  }
}

std::optional<Secret> X25519Key::agree(X25519Value peer) const {
  Secret shared(x25519_size);
  if (crypto_scalarmult(raw(shared.bytes().data()), raw(private_.bytes().data()), raw(peer.data())) != 0) return {};
  return shared;
}

}  // namespace ferry::crypto
