// Ciphers and MACs in place, over OpenSSL's EVP. Contexts are set up once per key; a call per packet
// allocates nothing. None of these is thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/secret.h"

struct evp_cipher_ctx_st;
struct evp_mac_ctx_st;

namespace ferry::crypto {

enum class Direction : std::uint8_t { encrypt, decrypt };

struct EvpDelete {
  void operator()(evp_cipher_ctx_st* context) const;
  void operator()(evp_mac_ctx_st* context) const;
};
using CipherContext = std::unique_ptr<evp_cipher_ctx_st, EvpDelete>;
using MacContext = std::unique_ptr<evp_mac_ctx_st, EvpDelete>;

// Authenticated encryption in place, with 12-byte nonces and 16-byte tags.
class Aead {
 public:
  static constexpr std::size_t nonce_size = 12, tag_size = 16;
  // Encrypts `data` in place and writes its tag.
  void seal(ByteSpan nonce, ByteSpan associated, MutableByteSpan data, std::span<std::byte, tag_size> tag);
  // Decrypts in place; false when the tag is wrong (the data is then garbage).
  [[nodiscard]] bool open(ByteSpan nonce, ByteSpan associated, MutableByteSpan data,
                          std::span<const std::byte, tag_size> tag);

 protected:
  explicit Aead(CipherContext context) : context_(std::move(context)) {}

 private:
  CipherContext context_;
};

// AES-GCM with a 16- or 32-byte key (NIST SP 800-38D).
class AesGcm : public Aead {
 public:
  AesGcm(ByteSpan key, Direction direction);
};

// ChaCha20-Poly1305 with a 32-byte key (RFC 8439 section 2.8).
class ChaCha20Poly1305 : public Aead {
 public:
  ChaCha20Poly1305(ByteSpan key, Direction direction);
};

// A block cipher in CTR (RFC 4344) or CBC mode (RFC 4253 section 6.3), as one running stream.
class StreamCipher {
 public:
  // AES with keys of 16, 24 or 32 bytes; triple DES with 24.
  enum class Kind : std::uint8_t { aes_ctr, aes_cbc, des3_cbc };
  // `iv`: one block, for CTR the first counter. In CTR both directions are the same.
  StreamCipher(Kind kind, ByteSpan key, ByteSpan iv, Direction direction);
  // In place; in CBC mode whole blocks only.
  void apply(MutableByteSpan data);

 private:
  CipherContext context_;
};

// The original ChaCha20 with a 64-bit nonce and a 64-bit block counter, as chacha20-poly1305@openssh.com
// uses it.
class ChaCha20 {
 public:
  static constexpr std::size_t block_size = 64;
  explicit ChaCha20(ByteSpan key32);
  // The key stream of this nonce (encoded big-endian) from its beginning, block 0.
  void start(std::uint64_t nonce);
  // Takes as much of the key stream as there is data.
  void apply(MutableByteSpan data);

 private:
  CipherContext context_;
};

// Poly1305 with a fresh key a message (RFC 8439 section 2.5).
class Poly1305 {
 public:
  static constexpr std::size_t key_size = 32, tag_size = 16;
  Poly1305();
  void compute(std::span<const std::byte, key_size> key, ByteSpan data, std::span<std::byte, tag_size> tag);

 private:
  MacContext context_;
};

enum class HashAlgorithm : std::uint8_t { md5, sha1, sha256, sha384, sha512 };
std::size_t hash_size(HashAlgorithm algorithm);
// The digest of the parts, one after another.
Bytes hash(HashAlgorithm algorithm, std::initializer_list<ByteSpan> parts);

// HMAC (RFC 2104) with one key and many messages.
class Hmac {
 public:
  Hmac(HashAlgorithm algorithm, ByteSpan key);
  std::size_t size() const { return size_; }
  // `tag` has size() bytes.
  void compute(std::initializer_list<ByteSpan> parts, MutableByteSpan tag);

 private:
  MacContext context_;
  std::size_t size_;
};

}  // namespace ferry::crypto
