// ML-KEM-768 against NIST's ACVP vectors, and its arithmetic against plain integer arithmetic.
#include "crypto/ml_kem.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "crypto/cipher.h"
#include "crypto/keccak.h"
#include "crypto/ml_kem_ring.h"
#include "tests/unit/crypto/support.h"

namespace ferry::crypto {
namespace {

using test::hex;
using test::to_hex;

const nlohmann::json& vectors(const char* group) {
  static const nlohmann::json all = [] {
    std::ifstream in(FERRY_TEST_DATA "/crypto/ml_kem_768.json");
    return nlohmann::json::parse(in);
  }();
  const nlohmann::json& chosen = all.at(group);
  if (chosen.empty()) throw std::invalid_argument("no vectors");
  return chosen;
}

Bytes field(const nlohmann::json& test, const char* name) { return hex(test.at(name).get<std::string>()); }
std::string text(const nlohmann::json& test, const char* name) { return test.at(name).get<std::string>(); }
std::string sha256(ByteSpan data) { return to_hex(hash(HashAlgorithm::sha256, {data})); }

TEST(MlKemVectors, KeyGeneration) {
  for (const auto& test : vectors("keyGen")) {
    const auto keys = ml_kem768::generate_from(field(test, "d"), field(test, "z"));
    EXPECT_EQ(sha256(keys.encapsulation_key), text(test, "ek_sha256")) << test.at("tcId");
    EXPECT_EQ(sha256(keys.decapsulation_key.bytes()), text(test, "dk_sha256")) << test.at("tcId");
  }
}

TEST(MlKemVectors, Encapsulation) {
  for (const auto& test : vectors("encapsulation")) {
    const auto sent = ml_kem768::encapsulate_with(field(test, "ek"), field(test, "m"));
    ASSERT_TRUE(sent) << test.at("tcId");
    EXPECT_EQ(sha256(sent->ciphertext), text(test, "c_sha256")) << test.at("tcId");
    EXPECT_EQ(to_hex(sent->shared.bytes()), text(test, "k")) << test.at("tcId");
  }
}

// Half of them are changed ciphertexts: implicit rejection.
TEST(MlKemVectors, Decapsulation) {
  for (const auto& test : vectors("decapsulation")) {
    const auto shared = ml_kem768::decapsulate(field(test, "dk"), field(test, "c"));
    ASSERT_TRUE(shared) << test.at("tcId");
    EXPECT_EQ(to_hex(shared->bytes()), text(test, "k")) << test.at("tcId") << " " << test.at("reason");
  }
}

TEST(MlKemVectors, EncapsulationKeyCheck) {
  for (const auto& test : vectors("encapsulationKeyCheck")) {
    const auto sent = ml_kem768::encapsulate(field(test, "ek"));
    EXPECT_EQ(sent.has_value(), test.at("testPassed").get<bool>()) << test.at("tcId");
    if (!sent) {
      EXPECT_EQ(sent.error().code, ErrorCode::protocol_error);
    }
  }
}

TEST(MlKemVectors, DecapsulationKeyCheck) {
  for (const auto& test : vectors("decapsulationKeyCheck")) {
    const auto shared = ml_kem768::decapsulate(field(test, "dk"), Bytes(ml_kem768::ciphertext_size));
    EXPECT_EQ(shared.has_value(), test.at("testPassed").get<bool>()) << test.at("tcId");
  }
}

TEST(MlKem, BothSidesAgree) {
  for (int i = 0; i < 20; ++i) {
    const auto keys = ml_kem768::generate();
    const auto sent = ml_kem768::encapsulate(keys.encapsulation_key);
    ASSERT_TRUE(sent);
    const auto got = ml_kem768::decapsulate(keys.decapsulation_key.bytes(), sent->ciphertext);
    ASSERT_TRUE(got);
    EXPECT_EQ(to_hex(got->bytes()), to_hex(sent->shared.bytes()));
  }
}

TEST(MlKem, EveryUseIsRandom) {
  const auto keys = ml_kem768::generate();
  EXPECT_NE(keys.encapsulation_key, ml_kem768::generate().encapsulation_key);
  const auto first = ml_kem768::encapsulate(keys.encapsulation_key);
  const auto second = ml_kem768::encapsulate(keys.encapsulation_key);
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->ciphertext, second->ciphertext);
  EXPECT_NE(to_hex(first->shared.bytes()), to_hex(second->shared.bytes()));
}

TEST(MlKem, AnyChangedBitIsRejectedImplicitly) {
  const auto keys = ml_kem768::generate();
  const auto sent = ml_kem768::encapsulate(keys.encapsulation_key);
  ASSERT_TRUE(sent);
  std::set<std::string> seen{to_hex(sent->shared.bytes())};
  for (const std::size_t at :
       {std::size_t{0}, std::size_t{500}, std::size_t{959}, std::size_t{960}, std::size_t{1087}}) {
    Bytes changed = sent->ciphertext;
    changed[at] ^= std::byte{1};
    const auto got = ml_kem768::decapsulate(keys.decapsulation_key.bytes(), changed);
    ASSERT_TRUE(got);
    EXPECT_TRUE(seen.insert(to_hex(got->bytes())).second) << at;
    EXPECT_EQ(to_hex(got->bytes()), to_hex(ml_kem768::decapsulate(keys.decapsulation_key.bytes(), changed)->bytes()));
  }
}

TEST(MlKem, WrongLengthsAreRefused) {
  const auto keys = ml_kem768::generate();
  const ByteSpan secret = keys.decapsulation_key.bytes();
  for (const std::size_t size : {0, 1, 1183, 1185, 1568}) {
    Bytes key = keys.encapsulation_key;
    key.resize(size);
    const auto sent = ml_kem768::encapsulate(key);
    ASSERT_FALSE(sent) << size;
    EXPECT_EQ(sent.error().code, ErrorCode::protocol_error);
  }
  EXPECT_FALSE(ml_kem768::decapsulate(secret, Bytes(1087)));
  EXPECT_FALSE(ml_kem768::decapsulate(secret, Bytes(1089)));
  EXPECT_FALSE(ml_kem768::decapsulate(secret.first(2399), Bytes(1088)));
}

// Section 7.2: the first value that is not reduced, in every place that a coefficient has.
TEST(MlKem, CoefficientsMustBeReduced) {
  const auto keys = ml_kem768::generate();
  for (std::size_t i = 0; i < 3 * 256; ++i) {
    Bytes key = keys.encapsulation_key;
    const std::size_t at = i / 2 * 3;
    if (i % 2 == 0) {
      key[at] = std::byte{0x01};
      key[at + 1] = (key[at + 1] & std::byte{0xf0}) | std::byte{0x0d};
    } else {
      key[at + 1] = (key[at + 1] & std::byte{0x0f}) | std::byte{0x10};
      key[at + 2] = std::byte{0xd0};
    }
    ASSERT_FALSE(ml_kem768::encapsulate(key)) << i;
    if (i % 2 == 0) key[at] = std::byte{0x00};  // q - 1
    if (i % 2 == 1) key[at + 1] &= std::byte{0x0f};
    ASSERT_TRUE(ml_kem768::encapsulate(key)) << i;
  }
}

// --- the arithmetic ---

namespace mk = ml_kem;

TEST(MlKemRing, DivisionByMultiplicationIsExact) {
  const auto check = [](std::uint32_t a) {
    ASSERT_EQ(mk::divide_by_q(a), a / mk::q) << a;
    ASSERT_EQ(mk::modulo_q(a), a % mk::q) << a;
  };
  // Around every multiple of q, which is where a reciprocal goes wrong first.
  for (std::uint32_t multiple = 0; multiple < (1U << 28); multiple += mk::q) {
    if (multiple > 0) check(multiple - 1);
    check(multiple);
    check(multiple + 1);
  }
  check((1U << 28) - 1);
}

TEST(MlKemRing, CompressionRounds) {
  for (const unsigned bits : {1U, 4U, 10U}) {
    for (std::uint32_t start = 0; start < mk::q; start += mk::degree) {
      mk::Polynomial p;
      for (std::uint32_t i = 0; i < mk::degree; ++i) p.c[i] = static_cast<std::uint16_t>((start + i) % mk::q);
      mk::Polynomial compressed = p;
      mk::compress(compressed, bits);
      mk::Polynomial back = compressed;
      mk::decompress(back, bits);
      for (std::size_t i = 0; i < mk::degree; ++i) {
        const double exact = p.c[i] * static_cast<double>(1U << bits) / mk::q;
        EXPECT_EQ(compressed.c[i], static_cast<std::uint32_t>(exact + 0.5) % (1U << bits));
        EXPECT_EQ(back.c[i], static_cast<std::uint32_t>(compressed.c[i] * 3329.0 / (1U << bits) + 0.5));
      }
    }
  }
}

mk::Polynomial sampled(std::uint8_t which) {
  mk::Polynomial p;
  mk::sample_uniform(Bytes(32, std::byte{7}), which, 0, p);
  return p;
}

TEST(MlKemRing, TransformAndBack) {
  for (std::uint8_t i = 0; i < 10; ++i) {
    const mk::Polynomial p = sampled(i);
    mk::Polynomial turned = p;
    mk::to_ntt(turned);
    EXPECT_NE(turned.c, p.c);
    mk::from_ntt(turned);
    EXPECT_EQ(turned.c, p.c);
  }
}

// The product in Z_q[X] / (X^256 + 1), by hand. All coefficients q - 1: the largest that sums can get.
TEST(MlKemRing, ProductIsThatOfTheRing) {
  mk::Polynomial largest;
  largest.c.fill(mk::q - 1);
  for (const auto& [a, b] : {std::pair(sampled(1), sampled(2)), std::pair(largest, largest)}) {
    std::array<std::int64_t, mk::degree> expected{};
    for (std::size_t i = 0; i < mk::degree; ++i) {
      for (std::size_t j = 0; j < mk::degree; ++j) {
        const std::int64_t product = std::int64_t{a.c[i]} * b.c[j];
        expected[(i + j) % mk::degree] += i + j < mk::degree ? product : -product;
      }
    }
    mk::Polynomial left = a, right = b, result;
    mk::to_ntt(left);
    mk::to_ntt(right);
    mk::ProductSum sum;
    for (int i = 0; i < 3; ++i) sum.add(left, right);
    sum.store(result);
    mk::from_ntt(result);
    for (std::size_t i = 0; i < mk::degree; ++i) {
      EXPECT_EQ(result.c[i], ((3 * expected[i]) % 3329 + 3329) % 3329) << i;
    }
  }
}

TEST(MlKemRing, PackingKeepsEveryBit) {
  for (const unsigned bits : {1U, 4U, 10U, 12U}) {
    Bytes packed(32 * bits);
    shake128({as_bytes("packing")}, packed);
    mk::Polynomial p;
    mk::unpack(packed, bits, p);
    Bytes again(packed.size());
    mk::pack(p, bits, again);
    EXPECT_EQ(again, packed);
  }
}

// FIPS 202, empty message.
TEST(Keccak, KnownAnswers) {
  Bytes digest(32);
  sha3_256({}, digest);
  EXPECT_EQ(to_hex(digest), "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a");
  shake128({}, digest);
  EXPECT_EQ(to_hex(digest), "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26");
  shake256({}, digest);
  EXPECT_EQ(to_hex(digest), "46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762f");
  Bytes wide(64);
  sha3_512({}, wide);
  EXPECT_EQ(to_hex(wide),
            "a69f73cca23a9ac5c8b567dc185a756e97c982164fe25859e0d1dcc1475c80a6"
            "15b2123af1f5f94c11e3e9402c3ac558f500199d95b6d3e301758586281dcd26");
  EXPECT_THROW(sha3_256({}, wide), std::runtime_error);
}

}  // namespace
}  // namespace ferry::crypto
