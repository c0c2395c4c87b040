#include "crypto/secret_box.h"

#include <sodium.h>

#include <algorithm>

#include "crypto/cipher.h"
#include "crypto/encoding.h"
#include "crypto/hkdf.h"

namespace ferry::crypto {
namespace {

constexpr std::size_t key_size = 32;
constexpr std::size_t max_payload = 16 * 1024 * 1024;  // base64 or hex

std::unexpected<Error> malformed_secret(const char* what) {
  return fail(ErrorCode::invalid_argument, std::string("secret: ") + what);
}
std::unexpected<Error> wrong_key() {
  return fail(ErrorCode::authentication_failed, "secret: it does not open with this key");
}

unsigned char* octets_of(MutableByteSpan bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }
const unsigned char* octets_of(ByteSpan bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

// SHA-256(key || additional_data || key)
Secret bound_key(ByteSpan key, std::string_view additional_data) {
  Bytes digest = hash(HashAlgorithm::sha256, {key, as_bytes(additional_data), key});
  Secret bound{ByteSpan(digest)};
  wipe(digest);
  return bound;
}

Secret box_key(ByteSpan key, std::string_view additional_data, SecretMode mode, const Secret& master_key) {
  const Secret base = mode == SecretMode::master_key ? master_key : bound_key(key, additional_data);
  return hkdf_sha256(base.bytes(), key, as_bytes(additional_data), key_size);
}

Result<Secret> read_key(std::string_view text) {
  Result<Bytes> bytes = hex_decode(text);
  if (!bytes || bytes->size() != key_size) return malformed_secret("the key is not 32 bytes in hex");
  Secret key{ByteSpan(*bytes)};
  wipe(*bytes);
  return key;
}

}  // namespace

SealedSecret seal_secret(ByteSpan plain, std::string_view additional_data, const Secret& master_key) {
  SealedSecret sealed;
  sealed.mode = master_key.empty() ? SecretMode::own_key : SecretMode::master_key;
  Secret key(key_size);
  random_bytes(key.bytes());
  const Secret box = box_key(key.bytes(), additional_data, sealed.mode, master_key);
  Bytes payload(crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + plain.size());
  const MutableByteSpan nonce = std::span(payload).first(crypto_secretbox_NONCEBYTES);
  const MutableByteSpan boxed = std::span(payload).subspan(crypto_secretbox_NONCEBYTES);
  random_bytes(nonce);
  crypto_secretbox_easy(octets_of(boxed), octets_of(plain), plain.size(), octets_of(nonce), octets_of(box.bytes()));
  sealed.payload = base64_encode(payload);
  sealed.key = hex_encode(key.bytes());
  return sealed;
}

Result<Secret> open_secret(std::string_view payload, std::string_view key, std::string_view additional_data, int mode,
                           const Secret& master_key) {
  if (mode != 0 && mode != 1) return malformed_secret("unknown mode");
  if (mode == 1 && master_key.empty()) return malformed_secret("it needs the master key, and none is configured");
  if (payload.size() > max_payload) return malformed_secret("payload too large");
  const Result<Secret> own = read_key(key);
  if (!own) return own;
  const Result<Bytes> data = base64_decode(payload);
  constexpr std::size_t overhead = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
  if (!data || data->size() < overhead) return malformed_secret("the payload is not base64 of a box");
  const ByteSpan nonce = std::span(*data).first(crypto_secretbox_NONCEBYTES);
  const ByteSpan boxed = std::span(*data).subspan(crypto_secretbox_NONCEBYTES);
  const Secret box = box_key(own->bytes(), additional_data, static_cast<SecretMode>(mode), master_key);
  Secret plain(data->size() - overhead);
  if (crypto_secretbox_open_easy(octets_of(plain.bytes()), octets_of(boxed), boxed.size(), octets_of(nonce),
                                 octets_of(box.bytes())) != 0) {
    return wrong_key();
  }
  return plain;
}

Result<Secret> open_secret_aes256_gcm(std::string_view payload, std::string_view key,
                                      std::string_view additional_data) {
  if (payload.size() > max_payload) return malformed_secret("payload too large");
  const Result<Secret> own = read_key(key);
  if (!own) return own;
  const Result<Bytes> data = hex_decode(payload);
  constexpr std::size_t overhead = AesGcm::nonce_size + AesGcm::tag_size;
  if (!data || data->size() < overhead) return malformed_secret("the payload is not hex of nonce, text and tag");
  const ByteSpan view(*data);
  Secret plain(view.subspan(AesGcm::nonce_size, view.size() - overhead));
  const Secret bound = bound_key(own->bytes(), additional_data);
  AesGcm cipher(bound.bytes(), Direction::decrypt);
  const bool opened = cipher.open(view.first(AesGcm::nonce_size), as_bytes(additional_data), plain.bytes(),
                                  view.last<AesGcm::tag_size>());
  if (!opened) return wrong_key();
  return plain;
}

}  // namespace ferry::crypto
