// The encrypted file format of SFTPGo: a header of 33 bytes, then DARE 2.0 packages (github.com/minio/sio).
//
//   file      0x10, 32 random bytes; the key of this file alone is HKDF-SHA-256 of the passphrase with them as salt
//   package   header of 16 bytes, 1 to 65,536 encrypted bytes, tag of 16 bytes; only the last one may be shorter
//   header    0x20, cipher, length - 1 (16 bits, little endian), 12 bytes of nonce: random, the same in the whole file,
//             but with the highest bit of its fifth byte set in the last package and cleared in all others
//   AEAD      nonce: that of the header with the package's number XORed into its last 4 bytes (little endian);
//             associated data: the first 4 bytes of the header
//
// An empty file is its 33 bytes alone, so that a file cut to these is taken for an empty one; the format has no more.
// Any other cut, change, reordering or mixing of files is found by whoever opens the packages it concerns, the last
// one included. Nothing here reads or writes files.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <variant>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/cipher.h"
#include "crypto/secret.h"

namespace ferry::crypto::dare {

inline constexpr std::size_t file_header_size = 33;
inline constexpr std::size_t header_size = 16;      // of a package
inline constexpr std::size_t payload_size = 65536;  // most bytes of content in a package
inline constexpr std::size_t package_size = header_size + payload_size + Aead::tag_size;
inline constexpr std::uint64_t max_plain_size = (std::uint64_t{1} << 32U) * payload_size;  // package numbers: 32 bits

// The numbers are those of the package header.
enum class Cipher : std::uint8_t { aes_256_gcm = 0, chacha20_poly1305 = 1 };
// AES where this machine has instructions for it, which makes it the faster one.
Cipher preferred_cipher();

// How many bytes of content a stored file of `stored` bytes has; none: no encrypted file has that size.
std::optional<std::uint64_t> plain_size(std::uint64_t stored);
// The reverse; `plain` is at most max_plain_size.
std::uint64_t stored_size(std::uint64_t plain);
// Where package `number` begins in the file.
std::uint64_t package_offset(std::uint64_t number);

using FileHeader = std::array<std::byte, file_header_size>;
FileHeader new_file_header();
// The key of the file that begins so. invalid_argument: not a file of this format.
Result<Secret> file_key(const FileHeader& header, const Secret& passphrase);

// Seals the packages of one new file in their order. Never make two of them with the same key: a nonce that serves
// twice tells the key of the authentication.
class Sealer {
 public:
  Sealer(const Secret& key, Cipher cipher);
  // `package`: room for the header, the content, room for the tag. Its content is encrypted in place. Less than
  // payload_size is for the last package, and for one after which the writer gives up (`last` is false then, and nobody
  // will take the file for a complete one). Nothing can be sealed after either. io_error: the file is too long.
  Result<void> seal(MutableByteSpan package, bool last);

 private:
  std::variant<AesGcm, ChaCha20Poly1305> aead_;
  std::array<std::byte, header_size> header_{};
  std::uint64_t next_ = 0;
  bool ended_ = false;
};

// Opens packages of one file in any order. The first one that opens decides on cipher and nonce of all.
class Opener {
 public:
  explicit Opener(const Secret& key) : key_(key) {}
  // `package`: all of its bytes, decrypted in place. Answers the content; its size is what the size of `package` says.
  // `last`: it ends the file. io_error: it is not what was written there; then `package` is wiped.
  Result<MutableByteSpan> open(std::uint64_t number, MutableByteSpan package, bool last);

 private:
  bool accepts(MutableByteSpan package, bool last) const;

  Secret key_;
  std::array<std::byte, header_size> first_{};
  bool pinned_ = false;
  std::variant<std::monostate, AesGcm, ChaCha20Poly1305> aead_;
};

}  // namespace ferry::crypto::dare
