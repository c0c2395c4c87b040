// Known answers for every primitive, and what they refuse.
#include "crypto/cipher.h"

#include <stdexcept>

#include "crypto/hkdf.h"
#include "tests/unit/crypto/support.h"

namespace ferry::crypto {
namespace {

using test::hex;
using test::to_hex;

struct GcmVector {
  const char *key, *nonce, *associated, *plain, *sealed, *tag;
};
// McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 1, 2, 4, 13, 14 and 16.
const GcmVector gcm_vectors[] = {
    {"00000000000000000000000000000000", "000000000000000000000000", "", "", "", "58e2fccefa7e3061367f1d57a4e7455a"},
    {"00000000000000000000000000000000", "000000000000000000000000", "", "00000000000000000000000000000000",
     "0388dace60b6a392f328c2b971b2fe78", "ab6e47d42cec13bdf53a67b21257bddf"},
    {"feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657"
     "ba637b39",
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac97"
     "3d58e091",
     "5bc94fbc3221a5db94fae95ae7121a47"},
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "", "", "",
     "530f8afbc74536b9a963b4f1c4cb738b"},
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "",
     "00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657"
     "ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a"
     "bcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"}};

// RFC 8439 section 2.8.2.
TEST(ChaCha20Poly1305Aead, KnownAnswer) {
  const Bytes key = hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  const Bytes nonce = hex("070000004041424344454647"), associated = hex("50515253c0c1c2c3c4c5c6c7");
  const std::string_view plain =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be "
      "it.";
  Bytes data = to_bytes(plain);
  std::array<std::byte, 16> tag;
  ChaCha20Poly1305(key, Direction::encrypt).seal(nonce, associated, data, tag);
  EXPECT_EQ(to_hex(ByteSpan(data).first(16)), "d31a8d34648e60db7b86afbc53ef7ec2");
  EXPECT_EQ(to_hex(tag), "1ae10b594f09e26a7e902ecbd0600691");
  ChaCha20Poly1305 opener(key, Direction::decrypt);
  ASSERT_TRUE(opener.open(nonce, associated, data, tag));
  EXPECT_EQ(as_text(data), plain);
  tag[0] ^= std::byte{1};
  EXPECT_FALSE(opener.open(nonce, associated, data, tag));
}

// RFC 5869 appendix A.1 and A.3.
TEST(Hkdf, KnownAnswers) {
  const Bytes secret = hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
  EXPECT_EQ(to_hex(hkdf_sha256(secret, hex("000102030405060708090a0b0c"), hex("f0f1f2f3f4f5f6f7f8f9"), 42).bytes()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  EXPECT_EQ(to_hex(hkdf_sha256(secret, {}, {}, 42).bytes()),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(AesGcm, KnownAnswers) {
  for (const GcmVector& v : gcm_vectors) {
    AesGcm sealer(hex(v.key), Direction::encrypt);
    AesGcm opener(hex(v.key), Direction::decrypt);
    for (int repeat = 0; repeat < 2; ++repeat) {  // a context serves many packets
      Bytes data = hex(v.plain);
      std::array<std::byte, AesGcm::tag_size> tag;
      sealer.seal(hex(v.nonce), hex(v.associated), data, tag);
      EXPECT_EQ(to_hex(data), v.sealed);
      EXPECT_EQ(to_hex(tag), v.tag);
      ASSERT_TRUE(opener.open(hex(v.nonce), hex(v.associated), data, tag));
      EXPECT_EQ(to_hex(data), v.plain);
    }
  }
}

TEST(AesGcm, AnyChangeIsSeen) {
  const GcmVector& v = gcm_vectors[2];
  AesGcm opener(hex(v.key), Direction::decrypt);
  const auto opens = [&](Bytes nonce, Bytes associated, Bytes data, Bytes tag) {
    return opener.open(nonce, associated, data, std::span<const std::byte, 16>(tag));
  };
  const auto flipped = [](Bytes bytes) {
    bytes.back() ^= std::byte{1};
    return bytes;
  };
  const Bytes nonce = hex(v.nonce), associated = hex(v.associated), sealed = hex(v.sealed), tag = hex(v.tag);
  EXPECT_FALSE(opens(flipped(nonce), associated, sealed, tag));
  EXPECT_FALSE(opens(nonce, flipped(associated), sealed, tag));
  EXPECT_FALSE(opens(nonce, {}, sealed, tag));
  EXPECT_FALSE(opens(nonce, associated, flipped(sealed), tag));
  EXPECT_FALSE(opens(nonce, associated, {}, tag));
  EXPECT_FALSE(opens(nonce, associated, sealed, flipped(tag)));
  EXPECT_TRUE(opens(nonce, associated, sealed, tag)) << "a refused packet must not spoil the context";
}

TEST(AesGcm, WrongSizesThrow) {
  EXPECT_THROW(AesGcm(Bytes(24), Direction::encrypt), std::runtime_error);
  EXPECT_THROW(AesGcm(Bytes(), Direction::encrypt), std::runtime_error);
  AesGcm sealer(Bytes(16), Direction::encrypt);
  std::array<std::byte, 16> tag;
  EXPECT_THROW(sealer.seal(Bytes(8), {}, {}, tag), std::runtime_error);
}

// NIST SP 800-38A, F.5.1, F.5.3 and F.5.5.
struct AesCtr : StreamCipher {
  AesCtr(const Bytes& key, const Bytes& counter) : StreamCipher(Kind::aes_ctr, key, counter, Direction::encrypt) {}
};

TEST(AesCtr, KnownAnswers) {
  const char* plain =
      "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17"
      "ad2b417be66c3710";
  const std::pair<const char*, const char*> vectors[] = {
      {"2b7e151628aed2a6abf7158809cf4f3c",
       "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d"
       "1"
       "792170a0f3009cee"},
      {"8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
       "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e941e36b26bd1ebc670d1bd1d665620abf74f78a7f6d298095"
       "8"
       "5a97daec58c6b050"},
      {"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
       "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c52b0930daa23de94ce87017ba2d84988ddfc9c58db67aada"
       "6"
       "13c2dd08457941a6"}};
  for (const auto& [key, cipher] : vectors) {
    AesCtr whole(hex(key), hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"));
    Bytes data = hex(plain);
    whole.apply(data);
    EXPECT_EQ(to_hex(data), cipher);

    // One running stream, whatever the pieces (RFC 4344 section 4: the counter goes on across packets).
    AesCtr pieces(hex(key), hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"));
    data = hex(plain);
    pieces.apply(std::span(data).first(5));
    pieces.apply({});
    pieces.apply(std::span(data).subspan(5, 30));
    pieces.apply(std::span(data).subspan(35));
    EXPECT_EQ(to_hex(data), cipher);
  }
  EXPECT_THROW(AesCtr(Bytes(16), Bytes(12)), std::runtime_error);
  EXPECT_THROW(AesCtr(Bytes(20), Bytes(16)), std::runtime_error);
}

// RFC 4344 section 4: the counter is the whole 16-byte block, so it wraps from all ones to zero.
TEST(AesCtr, CounterWraps) {
  AesCtr wrapping(hex("2b7e151628aed2a6abf7158809cf4f3c"), hex("ffffffffffffffffffffffffffffffff"));
  Bytes data(32);
  wrapping.apply(data);
  AesCtr zero(hex("2b7e151628aed2a6abf7158809cf4f3c"), hex("00000000000000000000000000000000"));
  Bytes expected(16);
  zero.apply(expected);
  EXPECT_EQ(to_hex(std::span(data).subspan(16)), to_hex(expected));
}

struct CbcVector {
  StreamCipher::Kind kind;
  const char *key, *iv, *plain, *cipher;
};
// NIST SP 800-38A sections F.2.1, F.2.3 and F.2.5; OpenSSL's own test of triple DES.
const char* const cbc_plain =
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
const char* const cbc_iv = "000102030405060708090a0b0c0d0e0f";
const CbcVector cbc_vectors[] = {
    {StreamCipher::Kind::aes_cbc, "2b7e151628aed2a6abf7158809cf4f3c", cbc_iv, cbc_plain,
     "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
     "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7"},
    {StreamCipher::Kind::aes_cbc, "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", cbc_iv, cbc_plain,
     "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
     "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd"},
    {StreamCipher::Kind::aes_cbc, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", cbc_iv, cbc_plain,
     "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
     "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"},
    {StreamCipher::Kind::des3_cbc, "0123456789abcdeff1e0d3c2b5a49786fedcba9876543210", "fedcba9876543210",
     "37363534333231204e6f77206973207468652074696d6520666f722000000000",
     "3fe301c962ac01d02213763c1cbd4cdc799657c064ecf5d41c673812cfde9675"}};

TEST(Cbc, KnownAnswers) {
  for (const CbcVector& v : cbc_vectors) {
    StreamCipher encrypting(v.kind, hex(v.key), hex(v.iv), Direction::encrypt);
    StreamCipher decrypting(v.kind, hex(v.key), hex(v.iv), Direction::decrypt);
    Bytes data = hex(v.plain);
    encrypting.apply(std::span(data).first(16));  // one running stream
    encrypting.apply(std::span(data).subspan(16));
    EXPECT_EQ(to_hex(data), v.cipher);
    decrypting.apply(std::span(data).first(8 * (v.kind == StreamCipher::Kind::aes_cbc ? 2 : 1)));
    decrypting.apply(std::span(data).subspan(8 * (v.kind == StreamCipher::Kind::aes_cbc ? 2 : 1)));
    EXPECT_EQ(to_hex(data), v.plain);
  }
}

TEST(Cbc, WholeBlocksOnly) {
  for (const CbcVector& v : cbc_vectors) {
    StreamCipher cipher(v.kind, hex(v.key), hex(v.iv), Direction::encrypt);
    Bytes data(20);
    EXPECT_THROW(cipher.apply(data), std::runtime_error);
    EXPECT_THROW(StreamCipher(v.kind, hex(v.key), Bytes(12), Direction::encrypt), std::runtime_error);
    EXPECT_THROW(StreamCipher(v.kind, Bytes(20), hex(v.iv), Direction::encrypt), std::runtime_error);
  }
}

// draft-agl-tls-chacha20poly1305-04 section 7: the 64-bit nonce form.
TEST(ChaCha20, KnownAnswers) {
  ChaCha20 zero(Bytes(32));
  Bytes data(64);
  zero.start(0);
  zero.apply(data);
  EXPECT_EQ(
      to_hex(data),
      "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d7724e03fb8d84a376a43b8f41518a1"
      "1cc387b669b2ee6586");
  data.assign(60, std::byte{0});
  zero.start(1);
  zero.apply(data);
  EXPECT_EQ(
      to_hex(data),
      "de9cba7bf3d69ef5e786dc63973f653a0b49e015adbff7134fcb7df137821031e85a050278a7084527214f73efc7fa5b5277062eb7a043"
      "3e445f41e3");
  ChaCha20 counting(hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"));
  data.assign(32, std::byte{0});
  counting.start(0x0001020304050607);
  counting.apply(data);
  EXPECT_EQ(to_hex(data), "f798a189f195e66982105ffb640bb7757f579da31602fc93ec01ac56f85ac3c1");
}

TEST(ChaCha20, GoesOnWhereItStopped) {
  ChaCha20 cipher(hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"));
  Bytes whole(256), parts(256);
  cipher.start(7);
  cipher.apply(whole);
  cipher.start(7);
  cipher.apply(std::span(parts).first(64));
  cipher.apply(std::span(parts).subspan(64, 5));
  cipher.apply(std::span(parts).subspan(69));
  EXPECT_EQ(to_hex(parts), to_hex(whole));
  EXPECT_THROW(ChaCha20(Bytes(16)), std::runtime_error);
}

// RFC 8439 section 2.5.2 and appendix A.3 (#1, #2, #7, #10).
TEST(Poly1305, KnownAnswers) {
  struct {
    Bytes key, message;
    const char* tag;
  } const vectors[] = {
      {hex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b"),
       to_bytes("Cryptographic Forum Research Group"), "a8061dc1305136c6c22b8baf0c0127a9"},
      {Bytes(32), Bytes(64), "00000000000000000000000000000000"},
      {hex("02000000000000000000000000000000 00000000000000000000000000000000"),
       hex("ffffffffffffffffffffffffffffffff"), "03000000000000000000000000000000"},
      {hex("01000000000000000000000000000000 00000000000000000000000000000000"),
       hex("fffffffffffffffffffffffffffffffff0ffffffffffffffffffffffffffffff11000000000000000000000000000000"),
       "05000000000000000000000000000000"},
      {hex("01000000000000000400000000000000 00000000000000000000000000000000"),
       hex("e33594d7505e43b900000000000000003394d7505e4379cd01000000000000000000000000000000000000000000000001000000000"
           "0"
           "00000000000000000000"),
       "14000000000000005500000000000000"}};
  Poly1305 mac;  // one context, a fresh key a message
  for (const auto& v : vectors) {
    std::array<std::byte, Poly1305::tag_size> tag;
    mac.compute(std::span<const std::byte, 32>(v.key), v.message, tag);
    EXPECT_EQ(to_hex(tag), v.tag);
  }
}

// FIPS 180-4 examples and RFC 1321, "abc" in parts.
TEST(Hash, KnownAnswers) {
  const std::pair<HashAlgorithm, const char*> vectors[] = {
      {HashAlgorithm::md5, "900150983cd24fb0d6963f7d28e17f72"},
      {HashAlgorithm::sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
      {HashAlgorithm::sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {HashAlgorithm::sha384,
       "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"},
      {HashAlgorithm::sha512,
       "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80"
       "e"
       "2a9ac94fa54ca49f"}};
  for (const auto& [algorithm, expected] : vectors) {
    EXPECT_EQ(to_hex(hash(algorithm, {as_bytes("abc")})), expected);
    EXPECT_EQ(to_hex(hash(algorithm, {as_bytes("a"), {}, as_bytes("bc")})), expected);
    EXPECT_EQ(hash(algorithm, {}).size(), hash_size(algorithm));
  }
}

struct HmacVector {
  HashAlgorithm algorithm;
  Bytes key, message;
  const char* tag;
};

// RFC 2202 (MD5, SHA-1) and RFC 4231 (SHA-2): cases 1, 2 and 6.
std::vector<HmacVector> hmac_vectors() {
  const Bytes long_key80(80, std::byte{0xaa}), long_key131(131, std::byte{0xaa});
  const Bytes larger = to_bytes("Test Using Larger Than Block-Size Key - Hash Key First");
  const Bytes question = to_bytes("what do ya want for nothing?");
  return {
      {HashAlgorithm::md5, to_bytes("Jefe"), question, "750c783e6ab0b503eaa86e310a5db738"},
      {HashAlgorithm::md5, long_key80, larger, "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"},
      {HashAlgorithm::sha1, Bytes(20, std::byte{0x0b}), to_bytes("Hi There"),
       "b617318655057264e28bc0b6fb378c8ef146be00"},
      {HashAlgorithm::sha1, to_bytes("Jefe"), question, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
      {HashAlgorithm::sha1, long_key80, larger, "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
      {HashAlgorithm::sha256, Bytes(20, std::byte{0x0b}), to_bytes("Hi There"),
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {HashAlgorithm::sha256, to_bytes("Jefe"), question,
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {HashAlgorithm::sha256, long_key131, larger, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {HashAlgorithm::sha384, to_bytes("Jefe"), question,
       "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"},
      {HashAlgorithm::sha512, to_bytes("Jefe"), question,
       "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4"
       "b"
       "636e070a38bce737"},
      {HashAlgorithm::sha512, long_key131, larger,
       "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0ae"
       "c"
       "8b915a985d786598"}};
}

TEST(Hmac, KnownAnswers) {
  for (const HmacVector& v : hmac_vectors()) {
    Hmac mac(v.algorithm, v.key);
    ASSERT_EQ(mac.size(), hash_size(v.algorithm));
    Bytes tag(mac.size());
    for (int repeat = 0; repeat < 3; ++repeat) {  // the key is kept from message to message
      mac.compute({v.message}, tag);
      EXPECT_EQ(to_hex(tag), v.tag);
      const auto [head, tail] = std::pair(ByteSpan(v.message).first(3), ByteSpan(v.message).subspan(3));
      mac.compute({head, {}, tail}, tag);
      EXPECT_EQ(to_hex(tag), v.tag);
    }
  }
}

TEST(Hmac, EmptyKeyAndWrongTagSize) {
  Hmac mac(HashAlgorithm::sha256, {});
  Bytes tag(32);
  mac.compute({}, tag);
  EXPECT_EQ(to_hex(tag), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
  Bytes small(16);
  EXPECT_THROW(mac.compute({}, small), std::runtime_error);
}

}  // namespace
}  // namespace ferry::crypto
