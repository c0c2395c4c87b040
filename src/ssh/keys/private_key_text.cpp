#include "ssh/keys/private_key_text.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>

#include "crypto/encoding.h"

namespace ferry::ssh {
namespace {

constexpr std::string_view begin_line = "-----BEGIN OPENSSH PRIVATE KEY-----";
constexpr std::string_view end_line = "-----END OPENSSH PRIVATE KEY-----";
constexpr std::string_view magic = std::string_view("openssh-key-v1\0", 15);
constexpr std::size_t ed25519_size = 32;
constexpr std::size_t line_width = 70;
constexpr std::size_t block_size = 8;  // of cipher "none"

using Number = std::unique_ptr<BIGNUM, decltype(&BN_clear_free)>;

std::unexpected<Error> malformed_key_file(std::string what) {
  return fail(ErrorCode::invalid_argument, "private key: " + std::move(what));
}
std::unexpected<Error> encrypted() {
  return fail(ErrorCode::unsupported, "private key: it is encrypted; keys with a passphrase are not supported");
}

Number number(ByteSpan digits) {
  return {BN_bin2bn(raw(digits), static_cast<int>(digits.size()), nullptr), &BN_clear_free};
}

// The base64 between the two lines, white space taken out.
Result<crypto::Secret> unwrap(std::string_view text) {
  const std::size_t begin = text.find(begin_line);
  const std::size_t end = text.find(end_line);
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin + begin_line.size()) {
    return malformed_key_file("no closed OpenSSH block");
  }
  crypto::Secret digits(end - begin - begin_line.size());
  std::size_t count = 0;
  for (const char c : text.substr(begin + begin_line.size(), digits.size())) {
    if (std::string_view(" \t\r\n").find(c) == std::string_view::npos) digits.bytes()[count++] = std::byte(c);
  }
  Result<Bytes> data = crypto::base64_decode(digits.text().substr(0, count));
  if (!data) return malformed_key_file("bad base64");
  crypto::Secret secret{ByteSpan(*data)};
  crypto::wipe(*data);
  return secret;
}

Result<EvpKey> read_ed25519(ByteReader& in) {
  const ByteSpan point = in.blob();
  const ByteSpan seed_and_point = in.blob();
  if (point.size() != ed25519_size || seed_and_point.size() != 2 * ed25519_size ||
      !std::ranges::equal(point, seed_and_point.last(ed25519_size))) {
    return malformed_key_file("bad ed25519 numbers");
  }
  return EvpKey(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, raw(seed_and_point), ed25519_size),
                &EVP_PKEY_free);
}

Result<EvpKey> read_private_ecdsa(ByteReader& in, const Curve& curve) {
  const std::string_view name = in.string();
  const ByteSpan point = in.blob();
  const ByteSpan scalar = positive_mpint(in);
  if (name != curve.name || scalar.empty() || scalar.size() > curve.field_size)
    return malformed_key_file("bad ECDSA numbers");
  KeyParameters parameters;
  parameters.add_text(OSSL_PKEY_PARAM_GROUP_NAME, curve.openssl_name);
  parameters.add_bytes(OSSL_PKEY_PARAM_PUB_KEY, point);
  parameters.add_number(OSSL_PKEY_PARAM_PRIV_KEY, scalar);
  return parameters.make("EC", EVP_PKEY_KEYPAIR);
}

// d mod (prime - 1), which the format leaves out.
BIGNUM* crt_exponent(ByteSpan d, ByteSpan prime) {
  const Number exponent = number(d), less_one = number(prime);
  const std::unique_ptr<BN_CTX, decltype(&BN_CTX_free)> context(BN_CTX_new(), &BN_CTX_free);
  Number result(BN_secure_new(), &BN_clear_free);
  if (!context || !exponent || !less_one || !result) throw std::bad_alloc();
  BN_set_flags(exponent.get(), BN_FLG_CONSTTIME);
  const bool done = BN_sub_word(less_one.get(), 1) == 1 && !BN_is_zero(less_one.get()) &&
                    BN_mod(result.get(), exponent.get(), less_one.get(), context.get()) == 1;
  if (!done) BN_zero(result.get());
  return result.release();
}

Result<EvpKey> read_private_rsa(ByteReader& in) {
  std::array<ByteSpan, 6> numbers;  // n e d iqmp p q
  for (ByteSpan& each : numbers) each = positive_mpint(in);
  const auto& [n, e, d, coefficient, p, q] = numbers;
  for (const ByteSpan each : numbers) {
    if (each.empty() || each.size() > max_rsa_bits / 8) return malformed_key_file("bad RSA numbers");
  }
  KeyParameters parameters;
  parameters.add_number(OSSL_PKEY_PARAM_RSA_N, n);
  parameters.add_number(OSSL_PKEY_PARAM_RSA_E, e);
  parameters.add_number(OSSL_PKEY_PARAM_RSA_D, d);
  parameters.add_number(OSSL_PKEY_PARAM_RSA_FACTOR1, p);
  parameters.add_number(OSSL_PKEY_PARAM_RSA_FACTOR2, q);
  parameters.add_number(OSSL_PKEY_PARAM_RSA_EXPONENT1, crt_exponent(d, p));
  parameters.add_number(OSSL_PKEY_PARAM_RSA_EXPONENT2, crt_exponent(d, q));
  parameters.add_number(OSSL_PKEY_PARAM_RSA_COEFFICIENT1, coefficient);
  return parameters.make("RSA", EVP_PKEY_KEYPAIR);
}

Result<EvpKey> read_numbers(std::string_view type, ByteReader& in) {
  if (type == ed25519_type) return read_ed25519(in);
  if (type == rsa_type) return read_private_rsa(in);
  if (const Curve* curve = find_curve_of_type(type)) return read_private_ecdsa(in, *curve);
  return fail(ErrorCode::unsupported, "private key: type not supported");
}

// The section that would be encrypted: check number twice, type, numbers, comment, padding 1 2 3 ...
Result<EvpKey> read_private_section(ByteSpan section) {
  ByteReader in(section);
  if (in.u32() != in.u32()) return malformed_key_file("the check numbers differ");
  const std::string_view type = in.string();
  Result<EvpKey> key = read_numbers(type, in);
  if (!key) return key;
  (void)in.blob();  // the comment
  std::uint8_t expected = 1;
  for (const std::byte padding : in.rest()) {
    if (padding != std::byte{expected++}) return malformed_key_file("bad padding");
  }
  if (!in.ok() || in.rest().size() >= block_size || section.size() % block_size != 0)
    return malformed_key_file("truncated");
  if (!*key) return malformed_key_file("its numbers make no key");
  return key;
}

// OpenSSL asks for a passphrase through this; without it, it would ask at the terminal.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Bytes octets(EVP_PKEY* key, const char* name) {
  std::size_t size = 0;
  if (EVP_PKEY_get_octet_string_param(key, name, nullptr, 0, &size) != 1) return {};
  Bytes value(size);
  EVP_PKEY_get_octet_string_param(key, name, reinterpret_cast<unsigned char*>(value.data()), size, &size);
  return value;
}

crypto::Secret digits_of(EVP_PKEY* key, const char* name) {
  BIGNUM* value = nullptr;
  EVP_PKEY_get_bn_param(key, name, &value);
  crypto::Secret digits(value == nullptr ? 0 : static_cast<std::size_t>(BN_num_bytes(value)));
  if (value != nullptr) BN_bn2bin(value, reinterpret_cast<unsigned char*>(digits.bytes().data()));
  BN_clear_free(value);
  return digits;
}

const Curve* curve_of(EVP_PKEY* key) {
  char name[32];
  return EVP_PKEY_get_group_name(key, name, sizeof name, nullptr) == 1 ? find_curve_of_openssl(name) : nullptr;
}

Bytes raw_public(EVP_PKEY* key) {
  Bytes value(ed25519_size);
  std::size_t size = value.size();
  EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(value.data()), &size);
  return value;
}

// The point uncompressed, in whatever form the key came.
Bytes public_point(EVP_PKEY* key) {
  EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                 OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED);
  return octets(key, OSSL_PKEY_PARAM_PUB_KEY);
}

// The type and the numbers as read_numbers reads them.
void write_numbers(EVP_PKEY* key, ByteWriter& out) {
  if (EVP_PKEY_is_a(key, "ED25519")) {
    const Bytes point = raw_public(key);
    crypto::Secret both(2 * ed25519_size);
    std::size_t size = ed25519_size;
    EVP_PKEY_get_raw_private_key(key, reinterpret_cast<unsigned char*>(both.bytes().data()), &size);
    std::ranges::copy(point, both.bytes().begin() + ed25519_size);
    out.string(ed25519_type).string(point).string(both.bytes());
  } else if (const Curve* curve = curve_of(key)) {
    out.string(curve->type).string(curve->name).string(public_point(key));
    out.mpint(digits_of(key, OSSL_PKEY_PARAM_PRIV_KEY).bytes());
  } else {
    out.string(rsa_type);
    for (const char* name :
         {OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
          OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2}) {
      out.mpint(digits_of(key, name).bytes());
    }
  }
}

// Moves a writer's bytes where they are wiped. The reserve keeps them from having been copied about before.
constexpr std::size_t secret_reserve = 32 * 1024;
crypto::Secret take_secret(ByteWriter& out) {
  Bytes bytes = out.take();
  crypto::Secret secret{ByteSpan(bytes)};
  crypto::wipe(bytes);
  return secret;
}

crypto::Secret private_section(EVP_PKEY* key, std::string_view comment) {
  std::array<std::byte, 4> check;
  crypto::random_bytes(check);
  ByteWriter out(secret_reserve + comment.size());
  out.bytes(check).bytes(check);
  write_numbers(key, out);
  out.string(comment);
  for (std::uint8_t padding = 1; out.size() % block_size != 0; ++padding) out.u8(padding);
  return take_secret(out);
}

}  // namespace

Result<EvpKey> read_openssh_key(std::string_view text) {
  const Result<crypto::Secret> data = unwrap(text);
  if (!data) return fail(data.error());
  ByteReader in(data->bytes());
  if (as_text(in.bytes(magic.size())) != magic) return malformed_key_file("not openssh-key-v1");
  const std::string_view cipher = in.string();
  const std::string_view kdf = in.string();
  const ByteSpan kdf_options = in.blob();
  const std::uint32_t count = in.u32();
  const ByteSpan blob = in.blob();
  const ByteSpan section = in.blob();
  if (!in.done()) return malformed_key_file("truncated, or trailing bytes");
  if (cipher != "none" || kdf != "none" || !kdf_options.empty()) return encrypted();
  if (count != 1) return malformed_key_file("not exactly one key");
  Result<EvpKey> key = read_private_section(section);
  if (!key) return key;
  const Result<Bytes> expected = public_blob(key->get());
  if (!expected || !std::ranges::equal(*expected, blob))
    return malformed_key_file("its public and private halves differ");
  return key;
}

Result<EvpKey> read_pem_key(std::string_view text) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())),
                                                     &BIO_free);
  if (!in) throw std::bad_alloc();
  bool asked = false;
  EvpKey key(PEM_read_bio_PrivateKey(in.get(), nullptr, &no_passphrase, &asked), &EVP_PKEY_free);
  if (asked) return encrypted();
  if (!key) return malformed_key_file("no readable PEM key");
  return key;
}

Result<Bytes> public_blob(EVP_PKEY* key) {
  ByteWriter out;
  if (EVP_PKEY_is_a(key, "ED25519")) return out.string(ed25519_type).string(raw_public(key)).take();
  if (EVP_PKEY_is_a(key, "RSA")) {
    out.string(rsa_type).mpint(digits_of(key, OSSL_PKEY_PARAM_RSA_E).bytes());
    return out.mpint(digits_of(key, OSSL_PKEY_PARAM_RSA_N).bytes()).take();
  }
  const Curve* curve = EVP_PKEY_is_a(key, "EC") ? curve_of(key) : nullptr;
  if (curve == nullptr) return fail(ErrorCode::unsupported, "private key: type not supported");
  return out.string(curve->type).string(curve->name).string(public_point(key)).take();
}

Result<crypto::Secret> write_openssh_key(EVP_PKEY* key, std::string_view comment) {
  const Result<Bytes> blob = public_blob(key);
  if (!blob) return fail(blob.error());
  ByteWriter out(secret_reserve + comment.size());
  out.bytes(as_bytes(magic)).string("none").string("none").string("").u32(1).string(*blob);
  out.string(private_section(key, comment).bytes());
  std::string digits = crypto::base64_encode(take_secret(out).bytes());
  ByteWriter text(secret_reserve + 2 * digits.size());
  text.bytes(as_bytes(begin_line)).u8('\n');
  for (std::size_t i = 0; i < digits.size(); i += line_width) {
    text.bytes(as_bytes(std::string_view(digits).substr(i, line_width))).u8('\n');
  }
  text.bytes(as_bytes(end_line)).u8('\n');
  crypto::wipe(digits.data(), digits.size());
  return take_secret(text);
}

}  // namespace ferry::ssh
