#include "ssh/keys/native_key.h"

#include <openssl/bn.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <array>
#include <new>

namespace ferry::ssh {
namespace {

constexpr std::array<Curve, 3> all_curves = {{
    {"ecdsa-sha2-nistp256", "nistp256", "prime256v1", 32, crypto::HashAlgorithm::sha256},
    {"ecdsa-sha2-nistp384", "nistp384", "secp384r1", 48, crypto::HashAlgorithm::sha384},
    {"ecdsa-sha2-nistp521", "nistp521", "secp521r1", 66, crypto::HashAlgorithm::sha512},
}};

}  // namespace

std::span<const Curve> curves() { return all_curves; }

const Curve* find_curve_of_type(std::string_view type) {
  const auto found = std::ranges::find(all_curves, type, &Curve::type);
  return found == all_curves.end() ? nullptr : &*found;
}

const Curve* find_curve_of_openssl(std::string_view openssl_name) {
  const auto found =
      std::ranges::find(all_curves, openssl_name, [](const Curve& c) { return std::string_view(c.openssl_name); });
  return found == all_curves.end() ? nullptr : &*found;
}

const EVP_MD* evp_digest(crypto::HashAlgorithm algorithm) {
  switch (algorithm) {
    case crypto::HashAlgorithm::md5: return EVP_md5();
    case crypto::HashAlgorithm::sha1: return EVP_sha1();
    case crypto::HashAlgorithm::sha256: return EVP_sha256();
    case crypto::HashAlgorithm::sha384: return EVP_sha384();
    case crypto::HashAlgorithm::sha512: return EVP_sha512();
  }
  return nullptr;
}

const EVP_MD* rsa_digest(std::string_view algorithm) {
  if (algorithm == "rsa-sha2-512") return EVP_sha512();
  if (algorithm == "rsa-sha2-256") return EVP_sha256();
  if (algorithm == rsa_type) return EVP_sha1();  // RFC 4253
  return nullptr;
}

KeyParameters::KeyParameters() : builder_(OSSL_PARAM_BLD_new()) {
  if (builder_ == nullptr) throw std::bad_alloc();
}

KeyParameters::~KeyParameters() {
  OSSL_PARAM_BLD_free(builder_);
  for (BIGNUM* number : numbers_) BN_clear_free(number);
}

void KeyParameters::add_text(const char* name, const char* value) {
  OSSL_PARAM_BLD_push_utf8_string(builder_, name, value, 0);
}

void KeyParameters::add_bytes(const char* name, ByteSpan value) {
  OSSL_PARAM_BLD_push_octet_string(builder_, name, value.data(), value.size());
}

void KeyParameters::add_number(const char* name, ByteSpan big_endian) {
  add_number(name, BN_bin2bn(raw(big_endian), static_cast<int>(big_endian.size()), nullptr));
}

void KeyParameters::add_number(const char* name, BIGNUM* taken) {
  if (taken == nullptr) throw std::bad_alloc();
  numbers_.push_back(taken);
  OSSL_PARAM_BLD_push_BN(builder_, name, taken);
}

EvpKey KeyParameters::make(const char* key_type, int selection) {
  using Context = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;
  const Context context(EVP_PKEY_CTX_new_from_name(nullptr, key_type, nullptr), &EVP_PKEY_CTX_free);
  OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(builder_);
  EVP_PKEY* key = nullptr;
  const bool made = context && parameters != nullptr && EVP_PKEY_fromdata_init(context.get()) == 1 &&
                    EVP_PKEY_fromdata(context.get(), &key, selection, parameters) == 1;
  OSSL_PARAM_free(parameters);
  return {made ? key : nullptr, &EVP_PKEY_free};
}

ByteSpan positive_mpint(ByteReader& in) {
  ByteSpan digits = in.blob();
  const auto top_bit = [&](std::size_t i) { return (digits[i] & std::byte{0x80}) != std::byte{0}; };
  if (digits.empty() || top_bit(0)) return {};
  if (digits[0] != std::byte{0}) return digits;
  return digits.size() > 1 && top_bit(1) ? digits.subspan(1) : ByteSpan();
}

}  // namespace ferry::ssh
