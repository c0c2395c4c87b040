#include "ssh/keys/private_key.h"

#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>

#include "crypto/curve25519.h"
#include "crypto/encoding.h"
#include "ssh/keys/private_key_text.h"

namespace ferry::ssh {

struct PrivateKey::Native {
  EvpKey key;
};

namespace {

constexpr std::size_t max_key_file = 128 * 1024;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

EvpKey generate_native(PrivateKey::Kind kind) {
  switch (kind) {
    case PrivateKey::Kind::ed25519: return {EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free};
    case PrivateKey::Kind::ecdsa_p256: return {EVP_EC_gen("P-256"), &EVP_PKEY_free};
    case PrivateKey::Kind::rsa_3072: return {EVP_RSA_gen(3072), &EVP_PKEY_free};
  }
  throw std::logic_error("unknown kind of key");
}

Result<Bytes> evp_sign(EVP_PKEY* key, const EVP_MD* digest, ByteSpan data) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  Bytes signature(static_cast<std::size_t>(EVP_PKEY_get_size(key)));
  std::size_t size = signature.size();
  const bool done = context && EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
                    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, raw(data),
                                   data.size()) == 1;
  if (!done) return fail(ErrorCode::internal, "signing failed");
  signature.resize(size);
  return signature;
}

Result<Bytes> ed25519_sign(EVP_PKEY* key, ByteSpan data) {
  crypto::Secret seed(crypto::ed25519_key_size);
  std::array<std::byte, crypto::ed25519_key_size> point;
  std::size_t seed_size = seed.size(), point_size = point.size();
  auto* const seed_bytes = reinterpret_cast<unsigned char*>(seed.bytes().data());
  if (EVP_PKEY_get_raw_private_key(key, seed_bytes, &seed_size) != 1 ||
      EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(point.data()), &point_size) != 1) {
    return fail(ErrorCode::internal, "signing failed");
  }
  const auto signature = crypto::sign_ed25519(crypto::Ed25519Key(ByteSpan(seed.bytes())), point, data);
  return Bytes(signature.begin(), signature.end());
}

// RFC 5656 section 3.1.2: mpint r, mpint s.
Result<Bytes> der_as_ecdsa(ByteSpan der) {
  const unsigned char* from = raw(der);
  const EcdsaSignature signature(d2i_ECDSA_SIG(nullptr, &from, static_cast<long>(der.size())), &ECDSA_SIG_free);
  if (!signature) return fail(ErrorCode::internal, "signing failed");
  ByteWriter out;
  for (const BIGNUM* number : {ECDSA_SIG_get0_r(signature.get()), ECDSA_SIG_get0_s(signature.get())}) {
    Bytes digits(static_cast<std::size_t>(BN_num_bytes(number)));
    BN_bn2bin(number, reinterpret_cast<unsigned char*>(digits.data()));
    out.mpint(digits);
  }
  return out.take();
}

Result<void> write_all(int fd, ByteSpan data, const std::string& name) {
  while (!data.empty()) {
    const ssize_t written = ::write(fd, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(errno, "write " + name);
    data = data.subspan(static_cast<std::size_t>(written));
  }
  if (::fsync(fd) != 0) return fail_errno(errno, "fsync " + name);
  return {};
}

// A rename that never replaces. Some file systems cannot say so in one step; a hard link is as good.
Result<void> rename_to_new(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return fail_errno(errno, "rename to " + to);
  if (::link(from.c_str(), to.c_str()) != 0) return fail_errno(errno, "link " + to);
  ::unlink(from.c_str());
  return {};
}

Result<crypto::Secret> read_key_file(const std::string& name) {
  const Descriptor file(::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return fail_errno(errno, "open " + name);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return fail_errno(errno, "stat " + name);
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::invalid_argument, name + ": not a regular file");
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(ErrorCode::permission_denied, name + ": others can write this private key; chmod it to 0600");
  }
  crypto::Secret text(max_key_file + 1);
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.bytes().data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read " + name);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > max_key_file) return fail(ErrorCode::invalid_argument, name + ": too large for a private key");
  return crypto::Secret(ByteSpan(text.bytes()).first(size));
}

}  // namespace

PrivateKey PrivateKey::generate(Kind kind) {
  auto native = std::make_shared<Native>(generate_native(kind));
  if (!native->key) throw std::runtime_error("OpenSSL: no key generated");
  const Result<Bytes> blob = public_blob(native->key.get());
  const Result<PublicKey> half = blob ? PublicKey::parse(*blob) : Result<PublicKey>(fail(blob.error()));
  if (!half) throw std::runtime_error("a generated key is refused: " + half.error().message);
  PrivateKey key;
  key.public_ = *half;
  key.native_ = std::move(native);
  return key;
}

Result<PrivateKey> PrivateKey::parse(std::string_view text) {
  if (text.size() > max_key_file) return fail(ErrorCode::invalid_argument, "too large for a private key");
  const bool openssh = text.find("BEGIN OPENSSH PRIVATE KEY") != std::string_view::npos;
  Result<EvpKey> native = openssh ? read_openssh_key(text) : read_pem_key(text);
  if (!native) return fail(native.error());
  const Result<Bytes> blob = public_blob(native->get());
  if (!blob) return fail(blob.error());
  const Result<PublicKey> half = PublicKey::parse(*blob);
  if (!half) return fail(half.error());
  PrivateKey key;
  key.public_ = *half;
  key.native_ = std::make_shared<Native>(std::move(*native));
  // Halves that do not belong together, or numbers that are no key, would show at the first client otherwise.
  const std::string_view algorithm = key.algorithms().front();
  const Result<Bytes> signature = key.sign(algorithm, as_bytes("self test"));
  if (!signature || !half->verify(algorithm, *signature, as_bytes("self test"))) {
    return fail(ErrorCode::invalid_argument, "private key: it does not sign");
  }
  return key;
}

Result<PrivateKey> PrivateKey::load(const std::filesystem::path& file) {
  const Result<crypto::Secret> text = read_key_file(file.string());
  if (!text) return fail(text.error());
  Result<PrivateKey> key = parse(text->text());
  if (!key) return fail(key.error().code, file.string() + ": " + key.error().message);
  return key;
}

Result<void> PrivateKey::save(const std::filesystem::path& file, std::string_view comment) const {
  if (!native_) return fail(ErrorCode::invalid_argument, "no key to save");
  const Result<crypto::Secret> text = write_openssh_key(native_->key.get(), comment);
  if (!text) return fail(text.error());
  std::array<std::byte, 8> random;
  crypto::random_bytes(random);
  const std::string temporary = file.string() + "." + crypto::hex_encode(random) + ".tmp";
  const Descriptor out(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!out) return fail_errno(errno, "create " + temporary);
  Result<void> done = write_all(out.get(), text->bytes(), temporary);
  if (done) done = rename_to_new(temporary, file.string());
  if (!done) ::unlink(temporary.c_str());
  return done;
}

std::vector<std::string_view> PrivateKey::algorithms() const {
  if (public_.type() == rsa_type) return {"rsa-sha2-512", "rsa-sha2-256", rsa_type};
  return {public_.type()};
}

Result<Bytes> PrivateKey::sign(std::string_view algorithm, ByteSpan data) const {
  if (!native_ || !public_.fits_algorithm(algorithm)) {
    return fail(ErrorCode::unsupported, "the key cannot sign with " + std::string(algorithm));
  }
  if (algorithm == ed25519_type) {
    const Result<Bytes> signature = ed25519_sign(native_->key.get(), data);
    if (!signature) return signature;
    return ByteWriter().string(algorithm).string(*signature).take();
  }
  const Curve* curve = find_curve_of_type(algorithm);
  const EVP_MD* digest = curve != nullptr ? evp_digest(curve->hash) : rsa_digest(algorithm);
  Result<Bytes> signature = evp_sign(native_->key.get(), digest, data);
  if (signature && curve != nullptr) signature = der_as_ecdsa(*signature);
  if (!signature) return signature;
  return ByteWriter().string(algorithm).string(*signature).take();
}

}  // namespace ferry::ssh
