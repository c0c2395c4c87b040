#include "crypto/ml_kem.h"

#include <algorithm>

#include "crypto/keccak.h"
#include "crypto/ml_kem_openssl.h"
#include "crypto/ml_kem_ring.h"

namespace ferry::crypto::ml_kem768 {

namespace {

using ml_kem::Polynomial;
using ml_kem::ProductSum;

// Table 2: ML-KEM-768.
constexpr std::size_t k = 3;
constexpr unsigned du = 10, dv = 4;

using Vector = std::array<Polynomial, k>;
using Hash = std::array<std::byte, 32>;

constexpr unsigned coefficient_bits = 12;
constexpr std::size_t polynomial_size = 32 * coefficient_bits;
constexpr std::size_t vector_size = k * polynomial_size;
constexpr std::size_t u_size = 32 * du;  // one polynomial of u
static_assert(encapsulation_key_size == vector_size + seed_size);
static_assert(ciphertext_size == k * u_size + 32 * dv);
static_assert(decapsulation_key_size == vector_size + encapsulation_key_size + 2 * seed_size);

std::unexpected<Error> refuse(std::string what) {
  return fail(ErrorCode::protocol_error, "ML-KEM: " + std::move(what));
}

// Two secrets of 32 bytes from G = SHA3-512.
struct TwoHashes {
  Secret bytes{std::size_t{64}};
  TwoHashes(std::initializer_list<ByteSpan> parts) { sha3_512(parts, bytes.bytes()); }
  ByteSpan first() const { return bytes.bytes().first(32); }
  ByteSpan second() const { return bytes.bytes().subspan(32); }
};

Hash hash_of(ByteSpan data) {
  Hash hash;
  sha3_256({data}, hash);
  return hash;
}

void pack_vector(const Vector& vector, MutableByteSpan out) {
  for (std::size_t i = 0; i < k; ++i) {
    ml_kem::pack(vector[i], coefficient_bits, out.subspan(i * polynomial_size, polynomial_size));
  }
}

void unpack_vector(ByteSpan packed, Vector& out) {
  for (std::size_t i = 0; i < k; ++i) {
    ml_kem::unpack(packed.subspan(i * polynomial_size, polynomial_size), coefficient_bits, out[i]);
  }
}

// Section 7.2, the modulus check: packing what was unpacked and reduced would give the same bytes.
bool all_reduced(const Vector& vector) {
  return std::ranges::all_of(vector, [](const Polynomial& p) {
    return std::ranges::all_of(p.c, [](std::uint16_t c) { return c < ml_kem::q; });
  });
}

void multiply(const Vector& a, const Vector& b, Polynomial& out) {
  ProductSum sum;
  for (std::size_t i = 0; i < k; ++i) sum.add(a[i], b[i]);
  sum.store(out);
}

// Algorithm 13, K-PKE.KeyGen.
void make_pke_keys(ByteSpan d, MutableByteSpan encryption_key, MutableByteSpan decryption_key) {
  const std::byte size{k};
  const TwoHashes seeds{d, ByteSpan(&size, 1)};
  const ByteSpan rho = seeds.first(), sigma = seeds.second();
  Vector secret, key, row;
  std::uint8_t counter = 0;
  for (Polynomial& s : secret) ml_kem::sample_noise(sigma, counter++, s);
  for (Polynomial& s : secret) ml_kem::to_ntt(s);
  for (std::uint8_t i = 0; i < k; ++i) {
    for (std::uint8_t j = 0; j < k; ++j) ml_kem::sample_uniform(rho, j, i, row[j]);
    multiply(row, secret, key[i]);
    Polynomial error;
    ml_kem::sample_noise(sigma, counter++, error);
    ml_kem::to_ntt(error);
    ml_kem::add(key[i], error);
  }
  pack_vector(key, encryption_key);
  std::ranges::copy(rho, encryption_key.subspan(vector_size).begin());
  pack_vector(secret, decryption_key);
}

// Algorithm 14, K-PKE.Encrypt. `key`: the vector in the key, `rho`: the seed behind it.
void encrypt(const Vector& key, ByteSpan rho, ByteSpan message, ByteSpan randomness, MutableByteSpan ciphertext) {
  Vector y, column;
  std::uint8_t counter = 0;
  for (Polynomial& p : y) ml_kem::sample_noise(randomness, counter++, p);
  for (Polynomial& p : y) ml_kem::to_ntt(p);
  Polynomial sum, error;
  for (std::uint8_t i = 0; i < k; ++i) {
    for (std::uint8_t j = 0; j < k; ++j) ml_kem::sample_uniform(rho, i, j, column[j]);
    multiply(column, y, sum);
    ml_kem::from_ntt(sum);
    ml_kem::sample_noise(randomness, counter++, error);
    ml_kem::add(sum, error);
    ml_kem::compress(sum, du);
    ml_kem::pack(sum, du, ciphertext.subspan(i * u_size, u_size));
  }
  multiply(key, y, sum);
  ml_kem::from_ntt(sum);
  ml_kem::sample_noise(randomness, counter, error);
  ml_kem::add(sum, error);
  ml_kem::unpack(message, 1, error);
  ml_kem::decompress(error, 1);
  ml_kem::add(sum, error);
  ml_kem::compress(sum, dv);
  ml_kem::pack(sum, dv, ciphertext.subspan(k * u_size));
}

// Algorithm 15, K-PKE.Decrypt.
Secret decrypt(ByteSpan decryption_key, ByteSpan ciphertext) {
  Vector secret, u;
  unpack_vector(decryption_key, secret);
  for (std::size_t i = 0; i < k; ++i) {
    ml_kem::unpack(ciphertext.subspan(i * u_size, u_size), du, u[i]);
    ml_kem::decompress(u[i], du);
    ml_kem::to_ntt(u[i]);
  }
  Polynomial w, product;
  ml_kem::unpack(ciphertext.subspan(k * u_size), dv, w);
  ml_kem::decompress(w, dv);
  multiply(secret, u, product);
  ml_kem::from_ntt(product);
  ml_kem::subtract(w, product);
  ml_kem::compress(w, 1);
  Secret message(shared_size);
  ml_kem::pack(w, 1, message.bytes());
  return message;
}

}  // namespace

KeyPair generate_from(ByteSpan d, ByteSpan z) {
  KeyPair keys{Bytes(encapsulation_key_size), Secret(decapsulation_key_size)};
  const MutableByteSpan secret = keys.decapsulation_key.bytes();
  make_pke_keys(d, keys.encapsulation_key, secret.first(vector_size));
  const Hash hash = hash_of(keys.encapsulation_key);
  auto out = std::ranges::copy(keys.encapsulation_key, secret.subspan(vector_size).begin()).out;
  out = std::ranges::copy(hash, out).out;
  std::ranges::copy(z, out);
  return keys;
}

Result<Encapsulation> encapsulate_with(ByteSpan encapsulation_key, ByteSpan m) {
  if (encapsulation_key.size() != encapsulation_key_size) return refuse("key of a wrong length");
  Vector key;
  unpack_vector(encapsulation_key, key);
  if (!all_reduced(key)) return refuse("key is not reduced");
  const Hash hash = hash_of(encapsulation_key);
  const TwoHashes derived{m, hash};
  Encapsulation result{Bytes(ciphertext_size), Secret(derived.first())};
  encrypt(key, encapsulation_key.subspan(vector_size), m, derived.second(), result.ciphertext);
  return result;
}

Result<Secret> decapsulate(ByteSpan decapsulation_key, ByteSpan ciphertext) {
  if (decapsulation_key.size() != decapsulation_key_size) return refuse("private key of a wrong length");
  if (ciphertext.size() != ciphertext_size) return refuse("ciphertext of a wrong length");
  const ByteSpan encapsulation_key = decapsulation_key.subspan(vector_size, encapsulation_key_size);
  const ByteSpan hash = decapsulation_key.subspan(vector_size + encapsulation_key_size, seed_size);
  const ByteSpan z = decapsulation_key.last(seed_size);
  if (!equal_in_constant_time(hash_of(encapsulation_key), hash)) return refuse("private key with a wrong hash");

  // Algorithm 18: encrypt again; when that gives another ciphertext the answer is a secret made from z.
  const Secret message = decrypt(decapsulation_key.first(vector_size), ciphertext);
  const TwoHashes derived{message.bytes(), hash};
  Vector key;
  unpack_vector(encapsulation_key, key);
  Bytes again(ciphertext_size);
  encrypt(key, encapsulation_key.subspan(vector_size), message.bytes(), derived.second(), again);
  Secret rejected(shared_size);
  shake256({z, ciphertext}, rejected.bytes());

  std::uint32_t difference = 0;
  for (std::size_t i = 0; i < ciphertext_size; ++i) {
    difference |= std::to_integer<std::uint32_t>(again[i] ^ ciphertext[i]);
  }
  wipe(again);
  // All ones when there is a difference. The compiler must not see that this is a yes or no.
  std::uint32_t mask = std::uint32_t{0} - ((difference + 0xff) >> 8);
  __asm__("" : "+r"(mask));
  Secret shared(derived.first());
  for (std::size_t i = 0; i < shared_size; ++i) {
    const std::byte choose = static_cast<std::byte>(mask);
    shared.bytes()[i] = (rejected.bytes()[i] & choose) | (shared.bytes()[i] & ~choose);
  }
  return shared;
}

KeyPair generate() {
  Secret seeds(2 * seed_size);
  random_bytes(seeds.bytes());
  return generate_from(seeds.bytes().first(seed_size), seeds.bytes().last(seed_size));
}

Result<Encapsulation> encapsulate(ByteSpan encapsulation_key) {
#ifdef FERRY_OPENSSL_ML_KEM
  return openssl_encapsulate(encapsulation_key);
#else
  Secret m(seed_size);
  random_bytes(m.bytes());
  return encapsulate_with(encapsulation_key, m.bytes());
#endif
}

}  // namespace ferry::crypto::ml_kem768
