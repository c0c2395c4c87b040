#include "ssh/kex/key_agreement.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "ssh/kex/key_agreement_keys.h"

namespace ferry::ssh {
namespace {

using crypto::HashAlgorithm;

constexpr std::string_view hybrid_name = "mlkem768x25519-sha256";

constexpr std::array<KeyAgreement, 10> methods = {{
    {hybrid_name, HashAlgorithm::sha256, false, true},
    {"curve25519-sha256", HashAlgorithm::sha256, false, true},
    {"curve25519-sha256@libssh.org", HashAlgorithm::sha256, false, true},
    {"diffie-hellman-group16-sha512", HashAlgorithm::sha512, true, true},
    {"diffie-hellman-group14-sha256", HashAlgorithm::sha256, true, true},
    {"ecdh-sha2-nistp256", HashAlgorithm::sha256, false, false},
    {"ecdh-sha2-nistp384", HashAlgorithm::sha384, false, false},
    {"ecdh-sha2-nistp521", HashAlgorithm::sha512, false, false},
    {"diffie-hellman-group18-sha512", HashAlgorithm::sha512, true, false},
    {"diffie-hellman-group14-sha1", HashAlgorithm::sha1, true, false},
}};

// What OpenSSL calls the keys of a method, and how long an uncompressed point or the prime is. Not of those on X25519.
struct Group {
  std::string_view method;
  const char* key_type;
  const char* name;
  std::size_t size;
};
constexpr std::array<Group, 7> groups = {{
    {"diffie-hellman-group16-sha512", "DH", "modp_4096", 512},
    {"diffie-hellman-group14-sha256", "DH", "modp_2048", 256},
    {"ecdh-sha2-nistp256", "EC", "P-256", 65},
    {"ecdh-sha2-nistp384", "EC", "P-384", 97},
    {"ecdh-sha2-nistp521", "EC", "P-521", 133},
    {"diffie-hellman-group18-sha512", "DH", "modp_8192", 1024},
    {"diffie-hellman-group14-sha1", "DH", "modp_2048", 256},
}};

const Group& group_of(const KeyAgreement& method) {
  const auto found = std::ranges::find(groups, method.name, &Group::method);
  if (found == groups.end()) throw std::logic_error("unknown key agreement");
  return *found;
}

// The primes of RFC 3526 by their size in bytes.
BIGNUM* new_prime(std::size_t size) {
  switch (size) {
    case 256: return BN_get_rfc3526_prime_2048(nullptr);
    case 512: return BN_get_rfc3526_prime_4096(nullptr);
    case 1024: return BN_get_rfc3526_prime_8192(nullptr);
    default: throw std::logic_error("no prime of this size");
  }
}

std::unexpected<Error> refuse(std::string message) { return fail(ErrorCode::protocol_error, std::move(message)); }

// Null when OpenSSL fails: no memory, no random bytes.
EvpKey generate(const Group& group) {
  using Context = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;
  const Context context(EVP_PKEY_CTX_new_from_name(nullptr, group.key_type, nullptr), &EVP_PKEY_CTX_free);
  EVP_PKEY* key = nullptr;
  const bool done = context && EVP_PKEY_keygen_init(context.get()) == 1 &&
                    EVP_PKEY_CTX_set_group_name(context.get(), group.name) == 1 &&
                    EVP_PKEY_generate(context.get(), &key) == 1;
  return {done ? key : nullptr, &EVP_PKEY_free};
}

// The digits of an mpint as the wire carries them, checked: not negative, no superfluous leading zero
// (RFC 4251 section 5), and inside [2, p-2]. RFC 4253 section 8 allows 1 and p-1 too, which give K away.
Result<void> check_dh_value(ByteSpan digits, std::size_t prime_size) {
  if (digits.empty() || digits.size() > prime_size + 1) return refuse("DH value of a wrong length");
  const auto top_bit = [&](std::size_t i) { return (digits[i] & std::byte{0x80}) != std::byte{0}; };
  if (top_bit(0)) return refuse("negative DH value");
  if (digits[0] == std::byte{0} && (digits.size() == 1 || !top_bit(1))) return refuse("DH value is not minimal");
  using Number = std::unique_ptr<BIGNUM, decltype(&BN_free)>;
  const Number value(BN_bin2bn(raw(digits), static_cast<int>(digits.size()), nullptr), &BN_free);
  const Number limit(new_prime(prime_size), &BN_free);
  if (!value || !limit || BN_sub_word(limit.get(), 1) != 1) throw std::bad_alloc();
  if (BN_is_zero(value.get()) || BN_is_one(value.get()) || BN_cmp(value.get(), limit.get()) >= 0) {
    return refuse("DH value out of range");
  }
  return {};
}

// The client's value as a key. OpenSSL refuses a point that is not on the curve.
Result<EvpKey> peer_key(const Group& group, EVP_PKEY* own, ByteSpan value) {
  const bool curve = std::string_view(group.key_type) == "EC";
  if (curve) {
    // SEC 1 section 2.3.3: 04, then both coordinates; the compressed and hybrid forms are not for SSH.
    if (value.size() != group.size || value[0] != std::byte{4}) return refuse("not an uncompressed point");
  } else if (const Result<void> checked = check_dh_value(value, group.size); !checked) {
    return fail(checked.error());
  }
  EvpKey peer(EVP_PKEY_new(), &EVP_PKEY_free);
  if (!peer || EVP_PKEY_copy_parameters(peer.get(), own) != 1) throw std::bad_alloc();
  if (EVP_PKEY_set1_encoded_public_key(peer.get(), raw(value), value.size()) != 1) return refuse("not a point");
  return peer;
}

Result<crypto::Secret> derive(EVP_PKEY* own, EVP_PKEY* peer) {
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_pkey(nullptr, own, nullptr), &EVP_PKEY_CTX_free);
  std::size_t size = 0;
  // The value was checked above; OpenSSL's own check of a DH value would double the cost of the exchange.
  const bool ready = context && peer != nullptr && EVP_PKEY_derive_init(context.get()) == 1 &&
                     EVP_PKEY_derive_set_peer_ex(context.get(), peer, 0) == 1 &&
                     EVP_PKEY_derive(context.get(), nullptr, &size) == 1;
  if (!ready) return refuse("key agreement failed");
  crypto::Secret shared(size);
  if (EVP_PKEY_derive(context.get(), reinterpret_cast<unsigned char*>(shared.bytes().data()), &size) != 1) {
    return refuse("key agreement failed");
  }
  if (size == shared.size()) return shared;
  return crypto::Secret(ByteSpan(shared.bytes()).first(size));
}

// An mpint's digits: minimal, with a zero in front of a set top bit.
Bytes mpint_digits(ByteSpan big_endian) {
  const Bytes encoded = ByteWriter().mpint(big_endian).take();
  return Bytes(encoded.begin() + 4, encoded.end());
}

Bytes public_value(const KeyAgreement& method, EVP_PKEY* key) {
  unsigned char* encoded = nullptr;
  const std::size_t size = EVP_PKEY_get1_encoded_public_key(key, &encoded);
  if (size == 0) throw std::runtime_error("OpenSSL: no public value");
  const ByteSpan view(reinterpret_cast<const std::byte*>(encoded), size);
  Bytes value = method.finite_field ? mpint_digits(view) : Bytes(view.begin(), view.end());
  OPENSSL_free(encoded);
  return value;
}

}  // namespace

crypto::Secret shared_as_mpint(ByteSpan big_endian) {
  const auto first = std::ranges::find_if(big_endian, [](std::byte b) { return b != std::byte{0}; });
  const ByteSpan digits(first, big_endian.end());
  const bool pad = !digits.empty() && (digits[0] & std::byte{0x80}) != std::byte{0};
  crypto::Secret encoded(4 + (pad ? 1 : 0) + digits.size());
  store_u32(encoded.bytes().data(), static_cast<std::uint32_t>(encoded.size() - 4));
  std::ranges::copy(digits, encoded.bytes().end() - static_cast<std::ptrdiff_t>(digits.size()));
  return encoded;
}

Result<crypto::Secret> agree_x25519(const crypto::X25519Key& own, ByteSpan client_public) {
  if (client_public.size() != crypto::x25519_size) return refuse("X25519 value of a wrong length");
  std::optional<crypto::Secret> shared = own.agree(client_public.first<crypto::x25519_size>());
  if (!shared) return refuse("X25519 value of small order");
  return std::move(*shared);
}

Result<KeyAgreementAnswer> agree_with(const crypto::X25519Key& own, ByteSpan client_public) {
  const Result<crypto::Secret> shared = agree_x25519(own, client_public);
  if (!shared) return fail(shared.error());
  const auto value = own.public_value();
  return KeyAgreementAnswer{Bytes(value.begin(), value.end()), shared_as_mpint(shared->bytes())};
}

Result<KeyAgreementAnswer> agree_with(const KeyAgreement& method, EVP_PKEY* own, ByteSpan client_public) {
  const Result<EvpKey> peer = peer_key(group_of(method), own, client_public);
  if (!peer) return fail(peer.error());
  const Result<crypto::Secret> shared = derive(own, peer->get());
  if (!shared) return fail(shared.error());
  return KeyAgreementAnswer{public_value(method, own), shared_as_mpint(shared->bytes())};
}

std::span<const KeyAgreement> key_agreements() { return methods; }

const KeyAgreement* find_key_agreement(std::string_view name) {
  const auto found = std::ranges::find(methods, name, &KeyAgreement::name);
  return found == methods.end() ? nullptr : &*found;
}

Result<KeyAgreementAnswer> agree(const KeyAgreement& method, ByteSpan client_public) {
  if (method.name == hybrid_name) return agree_hybrid(client_public);
  if (method.name.starts_with("curve25519-")) return agree_with(crypto::X25519Key(), client_public);
  const EvpKey own = generate(group_of(method));
  if (!own) return fail(ErrorCode::internal, "OpenSSL made no ephemeral key");
  return agree_with(method, own.get(), client_public);
}

}  // namespace ferry::ssh
