#include "crypto/cipher.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <climits>
#include <stdexcept>
#include <string>

namespace ferry::crypto {
namespace {

// OpenSSL fails here only for a caller's bug or without memory: neither can be handled where packets are made.
void require(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string("OpenSSL: ") + what);
}

unsigned char* raw(MutableByteSpan bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }
const unsigned char* raw(ByteSpan bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
int int_size(ByteSpan bytes) {
  require(bytes.size() <= INT_MAX, "message too long");
  return static_cast<int>(bytes.size());
}

CipherContext new_cipher(const EVP_CIPHER* cipher, ByteSpan key, bool encrypt) {
  require(key.size() == static_cast<std::size_t>(EVP_CIPHER_get_key_length(cipher)), "wrong key size");
  CipherContext context(EVP_CIPHER_CTX_new());
  require(context && EVP_CipherInit_ex(context.get(), cipher, nullptr, raw(key), nullptr, encrypt ? 1 : 0) == 1,
          "cipher set-up");
  return context;
}

void update(EVP_CIPHER_CTX* context, MutableByteSpan data) {
  if (data.empty()) return;
  int done = 0;
  require(EVP_CipherUpdate(context, raw(data), &done, raw(data), int_size(data)) == 1 && done == int_size(data),
          "cipher update");
}

void set_nonce(EVP_CIPHER_CTX* context, ByteSpan nonce) {
  require(EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, raw(nonce), -1) == 1, "cipher nonce");
}

void start_aead(EVP_CIPHER_CTX* context, ByteSpan nonce, ByteSpan associated) {
  require(nonce.size() == Aead::nonce_size, "wrong nonce size");
  set_nonce(context, nonce);
  int done = 0;
  if (!associated.empty()) {
    require(EVP_CipherUpdate(context, nullptr, &done, raw(associated), int_size(associated)) == 1, "associated data");
  }
}

const EVP_CIPHER* gcm_cipher(std::size_t key_size) {
  require(key_size == 16 || key_size == 32, "wrong key size");
  return key_size == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
}

const EVP_CIPHER* stream_cipher(StreamCipher::Kind kind, std::size_t key_size) {
  if (kind == StreamCipher::Kind::des3_cbc) return EVP_des_ede3_cbc();
  const bool ctr = kind == StreamCipher::Kind::aes_ctr;
  switch (key_size) {
    case 16: return ctr ? EVP_aes_128_ctr() : EVP_aes_128_cbc();
    case 24: return ctr ? EVP_aes_192_ctr() : EVP_aes_192_cbc();
    case 32: return ctr ? EVP_aes_256_ctr() : EVP_aes_256_cbc();
    default: throw std::runtime_error("OpenSSL: wrong key size");
  }
}

const char* digest_name(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::md5: return "MD5";
    case HashAlgorithm::sha1: return "SHA1";
    case HashAlgorithm::sha256: return "SHA2-256";
    case HashAlgorithm::sha384: return "SHA2-384";
    case HashAlgorithm::sha512: return "SHA2-512";
  }
  throw std::logic_error("unknown hash");
}

// Fetched once for the life of the process: a fetch per digest costs more than hashing a short message.
const EVP_MD* digest(HashAlgorithm algorithm) {
  static const std::array<EVP_MD*, 5> digests = [] {
    std::array<EVP_MD*, 5> all{};
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i] = EVP_MD_fetch(nullptr, digest_name(static_cast<HashAlgorithm>(i)), nullptr);
      require(all[i] != nullptr, "digest missing");
    }
    return all;
  }();
  return digests[static_cast<std::size_t>(algorithm)];
}

MacContext new_mac(const char* name) {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, name, nullptr);
  require(mac != nullptr, "MAC missing");
  MacContext context(EVP_MAC_CTX_new(mac));
  EVP_MAC_free(mac);  // the context holds its own reference
  require(context != nullptr, "MAC set-up");
  return context;
}

void finish(EVP_MAC_CTX* context, MutableByteSpan tag) {
  std::size_t written = 0;
  require(EVP_MAC_final(context, raw(tag), &written, tag.size()) == 1 && written == tag.size(), "MAC final");
}

}  // namespace

void EvpDelete::operator()(evp_cipher_ctx_st* context) const { EVP_CIPHER_CTX_free(context); }
void EvpDelete::operator()(evp_mac_ctx_st* context) const { EVP_MAC_CTX_free(context); }

AesGcm::AesGcm(ByteSpan key, Direction direction)
    : Aead(new_cipher(gcm_cipher(key.size()), key, direction == Direction::encrypt)) {}

ChaCha20Poly1305::ChaCha20Poly1305(ByteSpan key, Direction direction)
    : Aead(new_cipher(EVP_chacha20_poly1305(), key, direction == Direction::encrypt)) {}

void Aead::seal(ByteSpan nonce, ByteSpan associated, MutableByteSpan data, std::span<std::byte, tag_size> tag) {
  start_aead(context_.get(), nonce, associated);
  update(context_.get(), data);
  unsigned char none[16];
  int done = 0;
  require(EVP_EncryptFinal_ex(context_.get(), none, &done) == 1, "AEAD final");
  require(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, tag_size, tag.data()) == 1, "AEAD tag");
}

bool Aead::open(ByteSpan nonce, ByteSpan associated, MutableByteSpan data, std::span<const std::byte, tag_size> tag) {
  start_aead(context_.get(), nonce, associated);
  update(context_.get(), data);
  unsigned char expected[tag_size];
  std::memcpy(expected, tag.data(), tag_size);
  require(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, tag_size, expected) == 1, "AEAD tag");
  unsigned char none[16];
  int done = 0;
  return EVP_DecryptFinal_ex(context_.get(), none, &done) == 1;
}

StreamCipher::StreamCipher(Kind kind, ByteSpan key, ByteSpan iv, Direction direction)
    : context_(new_cipher(stream_cipher(kind, key.size()), key, direction == Direction::encrypt)) {
  require(iv.size() == static_cast<std::size_t>(EVP_CIPHER_CTX_get_iv_length(context_.get())), "wrong IV size");
  set_nonce(context_.get(), iv);
  // Without padding nothing is held back when decrypting.
  require(EVP_CIPHER_CTX_set_padding(context_.get(), 0) == 1, "cipher set-up");
}

void StreamCipher::apply(MutableByteSpan data) { update(context_.get(), data); }

ChaCha20::ChaCha20(ByteSpan key32) : context_(new_cipher(EVP_chacha20(), key32, true)) {}

void ChaCha20::start(std::uint64_t nonce) {
  // OpenSSL's 16 bytes are the last four words of ChaCha20's state: the block counter and the nonce.
  std::array<std::byte, 16> state{};
  store_u64(state.data() + 8, nonce);
  set_nonce(context_.get(), state);
}

void ChaCha20::apply(MutableByteSpan data) { update(context_.get(), data); }

Poly1305::Poly1305() : context_(new_mac("POLY1305")) {}

void Poly1305::compute(std::span<const std::byte, key_size> key, ByteSpan data, std::span<std::byte, tag_size> tag) {
  require(EVP_MAC_init(context_.get(), raw(key), key.size(), nullptr) == 1 &&
              EVP_MAC_update(context_.get(), raw(data), data.size()) == 1,
          "Poly1305");
  finish(context_.get(), tag);
}

std::size_t hash_size(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::md5: return 16;
    case HashAlgorithm::sha1: return 20;
    case HashAlgorithm::sha256: return 32;
    case HashAlgorithm::sha384: return 48;
    case HashAlgorithm::sha512: return 64;
  }
  throw std::logic_error("unknown hash");
}

Bytes hash(HashAlgorithm algorithm, std::initializer_list<ByteSpan> parts) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  require(context && EVP_DigestInit_ex2(context.get(), digest(algorithm), nullptr) == 1, "digest set-up");
  for (const ByteSpan part : parts) {
    require(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1, "digest update");
  }
  Bytes result(hash_size(algorithm));
  require(EVP_DigestFinal_ex(context.get(), raw(MutableByteSpan(result)), nullptr) == 1, "digest final");
  return result;
}

Hmac::Hmac(HashAlgorithm algorithm, ByteSpan key) : context_(new_mac("HMAC")), size_(hash_size(algorithm)) {
  std::string name = digest_name(algorithm);
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0),
                                   OSSL_PARAM_construct_end()};
  // A null pointer would mean "keep the key" to OpenSSL, even when the key is empty.
  static constexpr unsigned char empty_key[1] = {0};
  require(EVP_MAC_init(context_.get(), key.empty() ? empty_key : raw(key), key.size(), parameters) == 1, "HMAC key");
}

void Hmac::compute(std::initializer_list<ByteSpan> parts, MutableByteSpan tag) {
  require(tag.size() == size_, "wrong HMAC size");
  require(EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1, "HMAC");
  for (const ByteSpan part : parts) {
    require(EVP_MAC_update(context_.get(), raw(part), part.size()) == 1, "HMAC update");
  }
  finish(context_.get(), tag);
}

}  // namespace ferry::crypto
