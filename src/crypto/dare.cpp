#include "crypto/dare.h"

#include <algorithm>
#include <stdexcept>

#include "crypto/hkdf.h"

#ifdef __aarch64__
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace ferry::crypto::dare {

namespace {

constexpr std::byte file_version{0x10}, package_version{0x20}, final_flag{0x80};
constexpr std::size_t nonce_at = 4;  // in a package header; the flag is in the nonce's first byte
constexpr std::size_t overhead = header_size + Aead::tag_size;
constexpr std::uint64_t max_packages = max_plain_size / payload_size;

bool has_aes() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("aes") != 0 && __builtin_cpu_supports("pclmul") != 0;
#elif defined(__aarch64__)
  return (getauxval(AT_HWCAP) & HWCAP_AES) != 0 && (getauxval(AT_HWCAP) & HWCAP_PMULL) != 0;
#else
  return false;
#endif
}

std::array<std::byte, Aead::nonce_size> nonce_of(ByteSpan header, std::uint64_t number) {
  std::array<std::byte, Aead::nonce_size> nonce;
  std::ranges::copy(header.subspan(nonce_at, nonce.size()), nonce.begin());
  for (unsigned i = 0; i < 4; ++i) nonce[8 + i] ^= static_cast<std::byte>((number >> (8 * i)) & 0xffU);
  return nonce;
}

std::unexpected<Error> damaged(std::uint64_t number) {
  return fail(ErrorCode::io_error, "encrypted file: package " + std::to_string(number) + " is not what was written");
}

}  // namespace

Cipher preferred_cipher() {
  static const Cipher preferred = has_aes() ? Cipher::aes_256_gcm : Cipher::chacha20_poly1305;
  return preferred;
}

std::optional<std::uint64_t> plain_size(std::uint64_t stored) {
  if (stored < file_header_size) return std::nullopt;
  const std::uint64_t packages = stored - file_header_size;
  const std::uint64_t full = packages / package_size, rest = packages % package_size;
  if ((rest != 0 && rest <= overhead) || full > max_packages || (full == max_packages && rest != 0))
    return std::nullopt;
  return full * payload_size + (rest == 0 ? 0 : rest - overhead);
}

std::uint64_t stored_size(std::uint64_t plain) {
  const std::uint64_t rest = plain % payload_size;
  return package_offset(plain / payload_size) + (rest == 0 ? 0 : rest + overhead);
}

std::uint64_t package_offset(std::uint64_t number) { return file_header_size + number * package_size; }

FileHeader new_file_header() {
  FileHeader header;
  header[0] = file_version;
  random_bytes(std::span(header).subspan(1));
  return header;
}

Result<Secret> file_key(const FileHeader& header, const Secret& passphrase) {
  if (header[0] != file_version) return fail(ErrorCode::invalid_argument, "not an encrypted file");
  return hkdf_sha256(passphrase.bytes(), std::span(header).subspan(1), {}, 32);
}

Sealer::Sealer(const Secret& key, Cipher cipher) : aead_(AesGcm(key.bytes(), Direction::encrypt)) {
  if (cipher == Cipher::chacha20_poly1305) aead_.emplace<ChaCha20Poly1305>(key.bytes(), Direction::encrypt);
  header_[0] = package_version;
  header_[1] = static_cast<std::byte>(cipher);
  random_bytes(std::span(header_).subspan(nonce_at));
}

Result<void> Sealer::seal(MutableByteSpan package, bool last) {
  if (ended_ || package.size() <= overhead || package.size() > package_size) throw std::logic_error("dare: seal");
  if (next_ == max_packages) return fail(ErrorCode::io_error, "encrypted file: too long");
  const std::size_t length = package.size() - overhead;
  ended_ = last || length < payload_size;
  header_[2] = static_cast<std::byte>((length - 1) & 0xffU);
  header_[3] = static_cast<std::byte>((length - 1) >> 8U);
  header_[nonce_at] = (header_[nonce_at] & ~final_flag) | (last ? final_flag : std::byte{0});
  std::ranges::copy(header_, package.begin());
  const auto nonce = nonce_of(header_, next_++);
  const auto seal_it = [&](Aead& aead) {
    aead.seal(nonce, std::span(header_).first(nonce_at), package.subspan(header_size, length),
              package.last<Aead::tag_size>());
  };
  std::visit(seal_it, aead_);
  return {};
}

// Whether the header is one that can stand there. Content is what counts, by its tag; a header alone decides nothing.
bool Opener::accepts(MutableByteSpan package, bool last) const {
  if (package.size() <= overhead || package.size() > package_size) return false;
  const std::size_t length = package.size() - overhead;
  const auto byte = [&](std::size_t at) { return std::to_integer<std::size_t>(package[at]); };
  if (package[0] != package_version || byte(1) > 1 || byte(2) + (byte(3) << 8U) + 1 != length) return false;
  if (((package[nonce_at] & final_flag) != std::byte{0}) != last || (!last && length != payload_size)) return false;
  if (!pinned_) return true;
  const bool same_nonce =
      std::ranges::equal(package.subspan(nonce_at + 1, Aead::nonce_size - 1), std::span(first_).subspan(nonce_at + 1));
  return package[1] == first_[1] && same_nonce && (package[nonce_at] & ~final_flag) == first_[nonce_at];
}

Result<MutableByteSpan> Opener::open(std::uint64_t number, MutableByteSpan package, bool last) {
  if (number >= max_packages || !accepts(package, last)) {
    wipe(package);
    return damaged(number);
  }
  if (!pinned_ && static_cast<Cipher>(package[1]) == Cipher::aes_256_gcm) {
    aead_.emplace<AesGcm>(key_.bytes(), Direction::decrypt);
  } else if (!pinned_) {
    aead_.emplace<ChaCha20Poly1305>(key_.bytes(), Direction::decrypt);
  }
  const auto nonce = nonce_of(package, number);
  const MutableByteSpan content = package.subspan(header_size, package.size() - overhead);
  Aead* aead = std::get_if<AesGcm>(&aead_);
  if (aead == nullptr) aead = std::get_if<ChaCha20Poly1305>(&aead_);
  if (!aead->open(nonce, package.first(nonce_at), content, package.last<Aead::tag_size>())) {
    wipe(package);
    return damaged(number);
  }
  if (!pinned_) {
    std::ranges::copy(package.first(header_size), first_.begin());
    first_[nonce_at] &= ~final_flag;
    pinned_ = true;
  }
  return content;
}

}  // namespace ferry::crypto::dare
