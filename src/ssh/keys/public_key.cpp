#include "ssh/keys/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <bit>

#include "crypto/curve25519.h"
#include "crypto/encoding.h"
#include "ssh/keys/native_key.h"

namespace ferry::ssh {

struct PublicKey::Native {
  EvpKey key{nullptr, &EVP_PKEY_free};  // of RSA and ECDSA keys
  const Curve* curve = nullptr;         // of ECDSA keys
  Bytes ed25519;                        // of Ed25519 keys
  bool security_key = false;
  std::string application;  // of security keys: what the token signs for, e.g. "ssh:"
};

namespace {

constexpr std::size_t max_line_size = 64 * 1024;
constexpr std::size_t max_rsa_exponent_size = 8;                       // bytes: a larger one only costs time
constexpr std::uint8_t user_present = 0x01, user_verification = 0x04;  // PROTOCOL.u2f, "flags"

std::unexpected<Error> malformed_key(std::string what) { return fail(ErrorCode::protocol_error, std::move(what)); }

Result<EvpKey> read_public_ecdsa(ByteReader& in, const Curve& curve) {
  if (in.string() != curve.name) return malformed_key("the curve is not the one the type names");
  const ByteSpan point = in.blob();
  if (point.size() != 1 + 2 * curve.field_size || point[0] != std::byte{4})
    return malformed_key("not an uncompressed point");
  KeyParameters parameters;
  parameters.add_text(OSSL_PKEY_PARAM_GROUP_NAME, curve.openssl_name);
  parameters.add_bytes(OSSL_PKEY_PARAM_PUB_KEY, point);
  EvpKey key = parameters.make("EC", EVP_PKEY_PUBLIC_KEY);
  if (!key) return malformed_key("a point that is not on its curve");
  return key;
}

Result<EvpKey> read_public_rsa(ByteReader& in) {
  const ByteSpan exponent = positive_mpint(in);
  const ByteSpan modulus = positive_mpint(in);
  if (exponent.empty() || modulus.empty()) return malformed_key("RSA number negative or not minimal");
  const int bits = static_cast<int>(modulus.size() * 8) - std::countl_zero(std::to_integer<std::uint8_t>(modulus[0]));
  const auto odd = [](ByteSpan number) { return (number.back() & std::byte{1}) != std::byte{0}; };
  if (modulus.size() > max_rsa_bits / 8 || bits < min_rsa_bits || !odd(modulus))
    return malformed_key("RSA modulus refused");
  const bool one = exponent.size() == 1 && exponent[0] == std::byte{1};
  if (exponent.size() > max_rsa_exponent_size || one || !odd(exponent)) return malformed_key("RSA exponent refused");
  KeyParameters parameters;
  parameters.add_number(OSSL_PKEY_PARAM_RSA_N, modulus);
  parameters.add_number(OSSL_PKEY_PARAM_RSA_E, exponent);
  EvpKey key = parameters.make("RSA", EVP_PKEY_PUBLIC_KEY);
  if (!key) return malformed_key("RSA key refused");
  return key;
}

// RFC 5656 section 3.1.2: mpint r, mpint s; as OpenSSL wants them, DER. Empty when malformed.
Bytes ecdsa_as_der(ByteSpan blob, const Curve& curve) {
  ByteReader in(blob);
  const ByteSpan r = positive_mpint(in);
  const ByteSpan s = positive_mpint(in);
  if (!in.done() || r.empty() || s.empty() || r.size() > curve.field_size || s.size() > curve.field_size) return {};
  const EcdsaSignature signature(ECDSA_SIG_new(), &ECDSA_SIG_free);
  const auto number = [](ByteSpan digits) { return BN_bin2bn(raw(digits), static_cast<int>(digits.size()), nullptr); };
  if (!signature || ECDSA_SIG_set0(signature.get(), number(r), number(s)) != 1) return {};
  unsigned char* encoded = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &encoded);
  if (size <= 0) return {};
  const auto* bytes = reinterpret_cast<const std::byte*>(encoded);
  Bytes der(bytes, bytes + size);
  OPENSSL_free(encoded);
  return der;
}

bool evp_verify(EVP_PKEY* key, const EVP_MD* digest, ByteSpan signature, ByteSpan data) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  return context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(data), data.size()) == 1;
}

bool verify_rsa(EVP_PKEY* key, std::string_view algorithm, ByteSpan signature, ByteSpan data) {
  const auto size = static_cast<std::size_t>(EVP_PKEY_get_size(key));
  if (signature.empty() || signature.size() > size) return false;
  // Some clients drop leading zeros, as of an mpint: RFC 8332 section 3 has the signature as long as the modulus.
  Bytes padded(size - signature.size());
  padded.insert(padded.end(), signature.begin(), signature.end());
  return evp_verify(key, rsa_digest(algorithm), padded, data);
}

// What a security key signs (PROTOCOL.u2f, "SSH U2F Signatures"), from the flags and the counter that follow the
// signature itself.
Bytes security_key_message(std::string_view application, std::uint8_t flags, std::uint32_t counter, ByteSpan data) {
  using crypto::HashAlgorithm;
  ByteWriter message(32 + 1 + 4 + 32);
  message.bytes(crypto::hash(HashAlgorithm::sha256, {as_bytes(application)})).u8(flags).u32(counter);
  return message.bytes(crypto::hash(HashAlgorithm::sha256, {data})).take();
}

// The text after the first space that no quotes enclose: what follows the options of an authorized_keys line.
std::string_view after_options(std::string_view line) {
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '"') {
      ++i;
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && (line[i] == ' ' || line[i] == '\t')) {
      return line.substr(i);
    }
  }
  return {};
}

std::string_view take_word(std::string_view& line) {
  const std::size_t begin = std::min(line.find_first_not_of(" \t\r\n"), line.size());
  const std::size_t end = std::min(line.find_first_of(" \t\r\n", begin), line.size());
  const std::string_view word = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return word;
}

bool is_known_type(std::string_view type) {
  return type == ed25519_type || type == rsa_type || type == sk_ed25519_type || type == sk_ecdsa_type ||
         find_curve_of_type(type) != nullptr;
}

}  // namespace

Result<PublicKey> PublicKey::parse(ByteSpan blob) {
  ByteReader in(blob);
  const std::string_view type = in.string();
  if (!in.ok()) return malformed_key("key blob without a type");
  auto native = std::make_shared<Native>();
  native->security_key = type == sk_ed25519_type || type == sk_ecdsa_type;
  native->curve = type == sk_ecdsa_type ? &curves()[0] : find_curve_of_type(type);
  const auto read = [&]() -> Result<EvpKey> {
    if (native->curve != nullptr) return read_public_ecdsa(in, *native->curve);
    if (type == rsa_type) return read_public_rsa(in);
    if (type == ed25519_type || type == sk_ed25519_type) {
      const ByteSpan value = in.blob();
      if (value.size() != crypto::ed25519_key_size) return malformed_key("ed25519 key of a wrong length");
      native->ed25519.assign(value.begin(), value.end());
      return EvpKey(nullptr, &EVP_PKEY_free);
    }
    return fail(ErrorCode::unsupported, "key type not supported");
  };
  Result<EvpKey> key = read();
  if (!key) return fail(key.error());
  if (native->security_key) native->application = in.string();
  if (!in.done()) return malformed_key("key blob too short or too long");
  native->key = std::move(*key);
  PublicKey result;
  result.type_ = type;
  result.blob_.assign(blob.begin(), blob.end());
  result.native_ = std::move(native);
  return result;
}

Result<PublicKey> PublicKey::parse_line(std::string_view line) {
  if (line.size() > max_line_size) return malformed_key("key line too long");
  std::string_view rest = line.substr(std::min(line.find_first_not_of(" \t"), line.size()));
  std::string_view from_type = rest;
  std::string_view type = take_word(rest);
  if (!is_known_type(type)) {
    rest = after_options(from_type);
    type = take_word(rest);
  }
  if (!is_known_type(type)) return fail(ErrorCode::unsupported, "no key of a supported type in the line");
  const Result<Bytes> blob = crypto::base64_decode(take_word(rest));
  if (!blob) return malformed_key("the key is not base64");
  Result<PublicKey> key = parse(*blob);
  if (key && key->type() != type) return malformed_key("the key is not of the type its line names");
  return key;
}

std::string PublicKey::fingerprint() const {
  const Bytes digest = crypto::hash(crypto::HashAlgorithm::sha256, {blob_});
  return "SHA256:" + crypto::base64_encode(digest, crypto::Base64::unpadded);
}

std::string PublicKey::to_line() const { return type_ + " " + crypto::base64_encode(blob_); }

bool PublicKey::allows_algorithm(std::string_view algorithm) const {
  return algorithm != rsa_type && fits_algorithm(algorithm);
}

bool PublicKey::fits_algorithm(std::string_view algorithm) const {
  if (type_ == rsa_type) return rsa_digest(algorithm) != nullptr;
  return !type_.empty() && algorithm == type_;
}

bool PublicKey::verify(std::string_view algorithm, ByteSpan signature, ByteSpan data, bool user_verified) const {
  const auto flags = check(algorithm, signature, data);
  return flags && flags->user_present && (!user_verified || flags->user_verified);
}

std::optional<SignatureFlags> PublicKey::check(std::string_view algorithm, ByteSpan signature, ByteSpan data) const {
  if (!native_ || !fits_algorithm(algorithm)) return std::nullopt;
  ByteReader in(signature);
  if (in.string() != algorithm) return std::nullopt;
  const ByteSpan value = in.blob();
  SignatureFlags result;
  Bytes message;
  if (native_->security_key) {
    const std::uint8_t flags = in.u8();
    const std::uint32_t counter = in.u32();
    result = {.user_present = (flags & user_present) != 0, .user_verified = (flags & user_verification) != 0};
    message = security_key_message(native_->application, flags, counter, data);
    data = message;
  }
  if (!in.done() || !is_right(algorithm, value, data)) return std::nullopt;
  return result;
}

bool PublicKey::is_right(std::string_view algorithm, ByteSpan value, ByteSpan data) const {
  if (type_ == rsa_type) return verify_rsa(native_->key.get(), algorithm, value, data);
  if (native_->curve == nullptr) {
    return value.size() == crypto::ed25519_signature_size &&
           crypto::verify_ed25519(crypto::Ed25519Key(native_->ed25519), value.first<crypto::ed25519_signature_size>(),
                                  data);
  }
  const Bytes der = ecdsa_as_der(value, *native_->curve);
  return !der.empty() && evp_verify(native_->key.get(), evp_digest(native_->curve->hash), der, data);
}

std::span<const std::string_view> public_key_algorithms() {
  static constexpr std::array<std::string_view, 8> algorithms = {
      ed25519_type,          sk_ed25519_type, "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
      "ecdsa-sha2-nistp521", sk_ecdsa_type,   "rsa-sha2-512",        "rsa-sha2-256"};
  return algorithms;
}

}  // namespace ferry::ssh
