#include "ssh/kex/key_agreement.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "ssh/kex/key_agreement_keys.h"
#include "tests/unit/crypto/support.h"

namespace ferry::ssh {
namespace {

using test::hex;
using test::to_hex;

std::string sha256(ByteSpan data) { return to_hex(crypto::hash(crypto::HashAlgorithm::sha256, {data})); }

const KeyAgreement& method(std::string_view name) {
  const KeyAgreement* found = find_key_agreement(name);
  if (found == nullptr) throw std::invalid_argument("no such method");
  return *found;
}

// A key of an EC or DH group with a known private number; without `point`, f = 2^secret mod p is computed.
EvpKey group_key(const char* type, const char* group, const Bytes& secret, const Bytes& point) {
  BIGNUM* number =
      BN_bin2bn(reinterpret_cast<const unsigned char*>(secret.data()), static_cast<int>(secret.size()), nullptr);
  OSSL_PARAM_BLD* builder = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
  OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number);
  BIGNUM* f = BN_new();
  BIGNUM* base = BN_new();
  BIGNUM* prime =
      std::string_view(group) == "modp_2048" ? BN_get_rfc3526_prime_2048(nullptr) : BN_get_rfc3526_prime_4096(nullptr);
  BN_CTX* numbers = BN_CTX_new();
  BN_set_word(base, 2);
  BN_mod_exp(f, base, number, prime, numbers);
  BN_CTX_free(numbers);
  if (point.empty()) OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PUB_KEY, f);
  if (!point.empty()) OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(builder);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr);
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata_init(context);
  EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, parameters);
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(parameters);
  OSSL_PARAM_BLD_free(builder);
  for (BIGNUM* each : {number, f, base, prime}) BN_free(each);
  return {key, &EVP_PKEY_free};
}

void expect_refused(const char* name, const Bytes& value) {
  const Result<KeyAgreementAnswer> answer = agree(method(name), value);
  ASSERT_FALSE(answer) << name << " accepted " << to_hex(value);
  EXPECT_EQ(answer.error().code, ErrorCode::protocol_error) << answer.error().message;
}

// X25519's points of small order, whose result is all zero.
const char* const low_order_points[] = {"0000000000000000000000000000000000000000000000000000000000000000",
                                        "0100000000000000000000000000000000000000000000000000000000000000",
                                        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                                        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                                        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};

TEST(KeyAgreement, Built) {
  const std::vector<std::string_view> expected = {"mlkem768x25519-sha256",
                                                  "curve25519-sha256",
                                                  "curve25519-sha256@libssh.org",
                                                  "diffie-hellman-group16-sha512",
                                                  "diffie-hellman-group14-sha256",
                                                  "ecdh-sha2-nistp256",
                                                  "ecdh-sha2-nistp384",
                                                  "ecdh-sha2-nistp521",
                                                  "diffie-hellman-group18-sha512",
                                                  "diffie-hellman-group14-sha1"};
  std::vector<std::string_view> names;
  for (const KeyAgreement& each : key_agreements()) names.push_back(each.name);
  EXPECT_EQ(names, expected);
  EXPECT_EQ(find_key_agreement("diffie-hellman-group1-sha1"), nullptr);
  EXPECT_EQ(method("ecdh-sha2-nistp384").hash, crypto::HashAlgorithm::sha384);
  EXPECT_TRUE(method("diffie-hellman-group14-sha256").finite_field);
  EXPECT_FALSE(method("curve25519-sha256").finite_field);
}

// RFC 7748 section 6.1; the result as an mpint (RFC 8731 section 3.1).
TEST(KeyAgreement, X25519Vector) {
  const Bytes secret = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  const crypto::X25519Key bob(crypto::X25519Value{secret});
  const Result<KeyAgreementAnswer> answer =
      agree_with(bob, hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(to_hex(answer->server_public), "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  EXPECT_EQ(to_hex(answer->shared.bytes()), "000000204a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
}

// NIST's ACVP case 26 of ML-KEM-768's encapsulation, beside RFC 7748's keys.
struct HybridVector {
  Bytes kem_key, message, ciphertext_hash, kem_shared;
  Bytes alice = hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  Bytes bob = hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  Bytes classical = hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
  HybridVector() {
    std::ifstream in(FERRY_TEST_DATA "/crypto/ml_kem_768.json");
    const nlohmann::json test = nlohmann::json::parse(in).at("encapsulation").at(0);
    const auto field = [&](const char* name) { return hex(test.at(name).get<std::string>()); };
    kem_key = field("ek"), message = field("m"), ciphertext_hash = field("c_sha256"), kem_shared = field("k");
  }
  // C_INIT
  Bytes client_public() const {
    Bytes value = kem_key;
    value.insert(value.end(), alice.begin(), alice.end());
    return value;
  }
};

TEST(Hybrid, KnownAnswer) {
  const HybridVector v;
  const auto sent = crypto::ml_kem768::encapsulate_with(v.kem_key, v.message);
  ASSERT_TRUE(sent);
  const Bytes secret = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  const Result<KeyAgreementAnswer> answer =
      finish_hybrid(*sent, crypto::X25519Key(crypto::X25519Value{secret}), v.alice);
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->server_public.size(), 1088U + 32U);
  EXPECT_EQ(sha256(ByteSpan(answer->server_public).first(1088)), to_hex(v.ciphertext_hash));
  EXPECT_EQ(to_hex(ByteSpan(answer->server_public).subspan(1088)), to_hex(v.bob));
  const Bytes combined = crypto::hash(crypto::HashAlgorithm::sha256, {v.kem_shared, v.classical});
  EXPECT_EQ(to_hex(answer->shared.bytes()), "00000020" + to_hex(combined));
}

TEST(Hybrid, HostileValues) {
  const HybridVector v;
  const Bytes good = v.client_public();
  const char* const name = "mlkem768x25519-sha256";
  ASSERT_TRUE(agree(method(name), good));
  for (const std::size_t size : {0, 1, 32, 1183, 1184, 1185, 1215, 1217, 2432}) {
    Bytes other = good;
    other.resize(size);
    expect_refused(name, other);
  }
  Bytes large = good;  // the first coefficient 4095: not reduced
  large[0] = std::byte{0xff};
  large[1] |= std::byte{0x0f};
  expect_refused(name, large);
  for (const char* point : low_order_points) {
    Bytes low = good;
    std::ranges::copy(hex(point), low.begin() + 1184);
    expect_refused(name, low);
  }
}

struct EcVector {
  const char *name, *group, *own_secret, *own_point, *peer_point, *shared;
};
// RFC 5903 sections 8.1 to 8.3; the responder is the server. Leading zero of the third result dropped by mpint.
const EcVector ec_vectors[] = {
    {"ecdh-sha2-nistp256", "P-256", "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
     "04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
     "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
     "04dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
     "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
     "0000002100d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de"},
    {"ecdh-sha2-nistp384", "P-384",
     "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942e0308312916b8ed2960e4bd55a7448fc",
     "04e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d0d1ac43a0336def96fda41d0774a3571"
     "dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c",
     "04667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6de3ac808acb4bdb4c88732aee95f41aa"
     "9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c",
     "0000003011187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746"},
    {"ecdh-sha2-nistp521", "P-521",
     "0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e9c677d600b343757a3bdbf2a3163e4c2f869cca7458aa4a4"
     "effc311f5cb151685eb9",
     "0400d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a219b97c356436adc6e95bb0352f6be64a6c2912d4ef2d0"
     "433ced2b6171640012d9460f"
     "015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87220b6536c5c408a1d2aebb8e86d678ae49cb57091f4732"
     "296579ab44fcd17f0fc56a",
     "040015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbee1e3bf42e00b8e380aeae57c2d107564941885942af5"
     "a7f4601723c4195d176ced3e"
     "017cae20b6641d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4a10ad8a788015ac405d7799dc75e7b7d5b6cf2261a6a7f1507"
     "438bf01beb6ca3926f9582",
     "0000004201144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04d1427e73ca4baa240a34786859810c06b3c715a3"
     "a8cc3151f2bee417996d19f3ddea"}};

TEST(KeyAgreement, NistCurveVectors) {
  for (const EcVector& v : ec_vectors) {
    const EvpKey own = group_key("EC", v.group, hex(v.own_secret), hex(v.own_point));
    ASSERT_TRUE(own) << v.name;
    const Result<KeyAgreementAnswer> answer = agree_with(method(v.name), own.get(), hex(v.peer_point));
    ASSERT_TRUE(answer) << v.name;
    EXPECT_EQ(to_hex(answer->server_public), v.own_point);
    EXPECT_EQ(to_hex(answer->shared.bytes()), v.shared);
  }
}

struct DhVector {
  const char *name, *group;
  std::size_t prime_size;
  const char* own_secret;
  std::size_t shared_size;    // of the mpint's digits
  const char* shared_sha256;  // of the whole mpint
  const char* public_sha256;  // of f's digits
};
// Computed with plain integer arithmetic from RFC 3526's formulas for the primes, for e = 7f 5a 5a ... 5a: a K whose
// top bit is set, an ordinary one, and one with a leading zero byte.
const DhVector dh_vectors[] = {
    {"diffie-hellman-group14-sha256", "modp_2048", 256, "cf7605ed1bc735f6c825554154627467e1cac9df54cee8699218ed43", 257,
     "37096847edc889613b9c19cd6bced10c357130daf0053debe543fe77c3986003",
     "e93a63657fa53ded98936a6d52b271aeabec59ca940d8bee89b7f5cf0989fd03"},
    {"diffie-hellman-group14-sha256", "modp_2048", 256, "65d27a48dfef406db8f5f437423bfa5f9c83d77bfc12f8a14b8ce3ed", 256,
     "1d4e9fa9801e4835efd57772723b618bbe23271660e4ee3b2192bbeaab22934f",
     "e103a73064c9fbf5a3af6f925a3ece369cdc04136590ec0d29f0be921e75b812"},
    {"diffie-hellman-group14-sha256", "modp_2048", 256, "38badccca51de7d11922035cfb0317247b651608c7b9d3cc55be5862", 255,
     "257d0b64c4a8d8b53d1b9fbeacc39cb27779c67715e7cb991ba77f4db8fa8db3",
     "d9df1f75dea692cdaad3087d87f4e664d79751b39ac9766f5ac9478a92525efd"},
    {"diffie-hellman-group16-sha512", "modp_4096", 512, "cf7605ed1bc735f6c825554154627467e1cac9df54cee8699218ed43", 513,
     "0428f2618da88ac8982ebd27b755d9c1b179825ec1a03026c0ba2db26d2cae98",
     "37dab1caeeb72e1499acc1377ea36f1ca50256dc3783ebd1f7effb4731257462"},
    {"diffie-hellman-group16-sha512", "modp_4096", 512, "d6060f931df4abb401917996bfaa5c631e4efb1dc7690c2b792d8d97", 511,
     "6c63b6776699c8155d87579d2ab2dfa1837385e2e4b9763fae93522b1dfcd910",
     "599dc52906794be25e6ef21c7bd1e0641ea5d8c4817c4c2c0e781462ccd42c96"}};

TEST(KeyAgreement, FiniteFieldVectors) {
  for (const DhVector& v : dh_vectors) {
    const EvpKey own = group_key("DH", v.group, hex(v.own_secret), {});
    ASSERT_TRUE(own);
    Bytes client(v.prime_size, std::byte{0x5a});
    client[0] = std::byte{0x7f};
    const Result<KeyAgreementAnswer> answer = agree_with(method(v.name), own.get(), client);
    ASSERT_TRUE(answer) << v.name;
    EXPECT_EQ(answer->shared.size(), v.shared_size + 4);
    EXPECT_EQ(load_u32(answer->shared.bytes().data()), v.shared_size);
    EXPECT_EQ(sha256(answer->shared.bytes()), v.shared_sha256);
    EXPECT_EQ(sha256(answer->server_public), v.public_sha256);
  }
}

TEST(KeyAgreement, BothSidesAgree) {
  struct {
    const char *method, *type, *group;
  } const cases[] = {{"ecdh-sha2-nistp256", "EC", "P-256"},
                     {"ecdh-sha2-nistp384", "EC", "P-384"},
                     {"ecdh-sha2-nistp521", "EC", "P-521"},
                     {"diffie-hellman-group14-sha256", "DH", "modp_2048"},
                     {"diffie-hellman-group16-sha512", "DH", "modp_4096"}};
  for (const auto& c : cases) {
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, c.type, nullptr);
    EVP_PKEY* raw = nullptr;
    EVP_PKEY_keygen_init(context);
    EVP_PKEY_CTX_set_group_name(context, c.group);
    EVP_PKEY_generate(context, &raw);
    EVP_PKEY_CTX_free(context);
    const EvpKey client(raw, &EVP_PKEY_free);
    unsigned char* encoded = nullptr;
    const std::size_t size = EVP_PKEY_get1_encoded_public_key(client.get(), &encoded);
    Bytes value(reinterpret_cast<std::byte*>(encoded), reinterpret_cast<std::byte*>(encoded) + size);
    OPENSSL_free(encoded);
    if (method(c.method).finite_field) {
      const Bytes mpint = ByteWriter().mpint(value).take();
      value.assign(mpint.begin() + 4, mpint.end());
    }
    const Result<KeyAgreementAnswer> server = agree(method(c.method), value);
    ASSERT_TRUE(server) << c.method;
    const Result<KeyAgreementAnswer> mirrored = agree_with(method(c.method), client.get(), server->server_public);
    ASSERT_TRUE(mirrored) << c.method;
    EXPECT_EQ(to_hex(server->shared.bytes()), to_hex(mirrored->shared.bytes()));
    EXPECT_NE(to_hex(agree(method(c.method), value)->server_public), to_hex(server->server_public)) << "not ephemeral";
  }
}

TEST(KeyAgreement, BothSidesAgreeOnX25519) {
  for (const char* name : {"curve25519-sha256", "curve25519-sha256@libssh.org"}) {
    const crypto::X25519Key client;
    const Result<KeyAgreementAnswer> server = agree(method(name), client.public_value());
    ASSERT_TRUE(server) << name;
    const Result<KeyAgreementAnswer> mirrored = agree_with(client, server->server_public);
    ASSERT_TRUE(mirrored) << name;
    EXPECT_EQ(to_hex(server->shared.bytes()), to_hex(mirrored->shared.bytes()));
    const Result<KeyAgreementAnswer> again = agree(method(name), client.public_value());
    EXPECT_NE(to_hex(again->server_public), to_hex(server->server_public)) << "not ephemeral";
  }
}

TEST(KeyAgreement, MpintOfSharedNumbers) {
  EXPECT_EQ(to_hex(shared_as_mpint({}).bytes()), "00000000");
  EXPECT_EQ(to_hex(shared_as_mpint(hex("0000")).bytes()), "00000000");
  EXPECT_EQ(to_hex(shared_as_mpint(hex("007f")).bytes()), "000000017f");
  EXPECT_EQ(to_hex(shared_as_mpint(hex("80")).bytes()), "000000020080");
  EXPECT_EQ(to_hex(shared_as_mpint(hex("000080ff")).bytes()), "000000030080ff");
}

// RFC 8731 section 3: wrong lengths, and points of small order, whose result is all zero.
TEST(KeyAgreement, HostileX25519) {
  for (const std::size_t size : {0, 1, 31, 33, 64}) expect_refused("curve25519-sha256", Bytes(size, std::byte{9}));
  for (const char* point : low_order_points) {
    expect_refused("curve25519-sha256", hex(point));
  }
}

TEST(KeyAgreement, HostilePoints) {
  for (const EcVector& v : ec_vectors) {
    const Bytes good = hex(v.peer_point);
    for (std::size_t size = 0; size < good.size(); ++size) {
      expect_refused(v.name, Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)));
    }
    Bytes longer = good;
    longer.push_back(std::byte{0});
    expect_refused(v.name, longer);
    Bytes off_curve = good;
    off_curve.back() ^= std::byte{1};
    expect_refused(v.name, off_curve);
    for (const int form : {0, 2, 3, 5, 6, 7, 255}) {  // infinity, compressed, hybrid, nonsense
      Bytes other = good;
      other[0] = static_cast<std::byte>(form);
      expect_refused(v.name, other);
    }
    expect_refused(v.name, Bytes{std::byte{0}});
    Bytes origin(good.size());
    origin[0] = std::byte{4};
    expect_refused(v.name, origin);
    Bytes beyond(good.size(), std::byte{0xff});
    beyond[0] = std::byte{4};
    expect_refused(v.name, beyond);
    const std::size_t field = (good.size() - 1) / 2;
    const Bytes compressed = [&] {
      Bytes point(good.begin(), good.begin() + 1 + static_cast<std::ptrdiff_t>(field));
      point[0] = (good.back() & std::byte{1}) != std::byte{0} ? std::byte{3} : std::byte{2};
      return point;
    }();
    expect_refused(v.name, compressed);
  }
}

TEST(KeyAgreement, HostileFiniteFieldValues) {
  struct {
    const char* name;
    BIGNUM* (*prime)(BIGNUM*);
  } const groups[] = {{"diffie-hellman-group14-sha256", &BN_get_rfc3526_prime_2048},
                      {"diffie-hellman-group14-sha1", &BN_get_rfc3526_prime_2048},
                      {"diffie-hellman-group16-sha512", &BN_get_rfc3526_prime_4096},
                      {"diffie-hellman-group18-sha512", &BN_get_rfc3526_prime_8192}};
  for (const auto& group : groups) {
    BIGNUM* prime = group.prime(nullptr);
    const auto prime_plus = [&](int delta) {
      BIGNUM* number = BN_dup(prime);
      delta < 0 ? BN_sub_word(number, static_cast<BN_ULONG>(-delta))
                : BN_add_word(number, static_cast<BN_ULONG>(delta));
      Bytes digits(static_cast<std::size_t>(BN_num_bytes(number)) + 1);
      BN_bn2bin(number, reinterpret_cast<unsigned char*>(digits.data() + 1));
      BN_free(number);
      return digits;  // a leading zero: the primes have their top bit set
    };
    for (const Bytes& bad : {Bytes{}, hex("00"), hex("01"), prime_plus(-1), prime_plus(0), prime_plus(1)}) {
      expect_refused(group.name, bad);
    }
    expect_refused(group.name, hex("ff"));    // -1
    expect_refused(group.name, hex("80"));    // -128
    expect_refused(group.name, hex("0002"));  // not minimal
    expect_refused(group.name, hex("0000ff"));
    Bytes negative = prime_plus(-2);
    negative.erase(negative.begin());
    expect_refused(group.name, negative);
    expect_refused(group.name, Bytes(4096, std::byte{0x7f}));
    Bytes shifted = prime_plus(-2);
    shifted.insert(shifted.begin(), std::byte{0});
    expect_refused(group.name, shifted);
    EXPECT_TRUE(agree(method(group.name), hex("02")));
    EXPECT_TRUE(agree(method(group.name), hex("0080")));
    EXPECT_TRUE(agree(method(group.name), prime_plus(-2)));
    BN_free(prime);
  }
}

TEST(KeyAgreement, MutatedPointsNeverBreakIt) {
  const std::string sample(as_text(hex(ec_vectors[0].peer_point)));
  int accepted = 0;
  test::mutate(sample, 10'000, [&](const std::string& value) {
    if (agree(method("ecdh-sha2-nistp256"), as_bytes(value))) ++accepted;
  });
  EXPECT_LT(accepted, 100) << "only a mutation that changes nothing is a point";
}

}  // namespace
}  // namespace ferry::ssh
