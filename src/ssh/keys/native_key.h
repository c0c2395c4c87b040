// What public and private keys share below their headers: OpenSSL's keys by SSH's names.
#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "crypto/cipher.h"

struct ossl_param_bld_st;
struct bignum_st;

namespace ferry::ssh {

using EvpKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)>;

inline const unsigned char* raw(ByteSpan bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

inline constexpr std::string_view ed25519_type = "ssh-ed25519";
inline constexpr std::string_view rsa_type = "ssh-rsa";
inline constexpr std::string_view sk_ed25519_type = "sk-ssh-ed25519@openssh.com";
inline constexpr std::string_view sk_ecdsa_type = "sk-ecdsa-sha2-nistp256@openssh.com";

// RFC 8332 section 3: the modulus is bounded, so no key costs much to verify with.
inline constexpr int min_rsa_bits = 2048, max_rsa_bits = 16384;

// One of the curves of RFC 5656.
struct Curve {
  std::string_view type;  // key and signature algorithm
  std::string_view name;  // in blobs
  const char* openssl_name;
  std::size_t field_size;      // of a coordinate, bytes
  crypto::HashAlgorithm hash;  // RFC 5656 section 6.2.1
};
std::span<const Curve> curves();
const Curve* find_curve_of_type(std::string_view type);
const Curve* find_curve_of_openssl(std::string_view openssl_name);

const EVP_MD* evp_digest(crypto::HashAlgorithm algorithm);
// The hash an RSA signature algorithm names; null for any other (RFC 8332).
const EVP_MD* rsa_digest(std::string_view algorithm);

// The parameters of a key in the making. Bytes and texts must outlive make().
class KeyParameters {
 public:
  KeyParameters();
  ~KeyParameters();
  KeyParameters(const KeyParameters&) = delete;
  KeyParameters& operator=(const KeyParameters&) = delete;
  void add_text(const char* name, const char* value);
  void add_bytes(const char* name, ByteSpan value);
  // An unsigned big-endian number, or one made already. Wiped when this goes.
  void add_number(const char* name, ByteSpan big_endian);
  void add_number(const char* name, bignum_st* taken);
  // `selection`: EVP_PKEY_PUBLIC_KEY or EVP_PKEY_KEYPAIR. Null when OpenSSL refuses.
  EvpKey make(const char* key_type, int selection);

 private:
  ossl_param_bld_st* builder_;
  std::vector<bignum_st*> numbers_;
};

// The digits of an mpint that must be positive and minimal; empty when it is neither.
ByteSpan positive_mpint(ByteReader& in);

}  // namespace ferry::ssh
