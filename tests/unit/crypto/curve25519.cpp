#include "crypto/curve25519.h"

#include "tests/unit/crypto/support.h"

namespace ferry::crypto {
namespace {

using test::hex;
using test::to_hex;

struct Vector {
  const char *seed, *key, *message, *signature;
};
// RFC 8032 section 7.1, tests 1 to 3.
const Vector vectors[] = {{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                           "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
                           "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf"
                           "9b46bd25bf5f0595bbe246551"
                           "41438e7a100b"},
                          {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                           "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
                           "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f"
                           "11d8c387b2eaeb4302aeeb00d"
                           "291612bb0c00"},
                          {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                           "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
                           "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984"
                           "dc6594a7c15e9716ed28dc027"
                           "beceea1ec40a"}};

TEST(Ed25519, KnownAnswers) {
  for (const Vector& v : vectors) {
    const Bytes seed = hex(v.seed), key = hex(v.key), message = hex(v.message), signature = hex(v.signature);
    const Ed25519Key point(key);
    EXPECT_EQ(to_hex(sign_ed25519(Ed25519Key(seed), point, message)), v.signature);
    EXPECT_TRUE(verify_ed25519(point, Ed25519Signature(signature), message));
    Bytes other = message;
    other.push_back(std::byte{1});
    EXPECT_FALSE(verify_ed25519(point, Ed25519Signature(signature), other));
  }
}

// RFC 8032 section 5.1.7: S must be below the group's order, or every signature had a second form.
TEST(Ed25519, SignaturesThatAreNotCanonicalAreRefused) {
  const Vector& v = vectors[1];
  const Bytes key = hex(v.key), message = hex(v.message);
  const Bytes order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  Bytes signature = hex(v.signature);
  unsigned carry = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    carry += std::to_integer<unsigned>(signature[32 + i]) + std::to_integer<unsigned>(order[i]);
    signature[32 + i] = static_cast<std::byte>(carry & 0xff);
    carry >>= 8;
  }
  EXPECT_FALSE(verify_ed25519(Ed25519Key(key), Ed25519Signature(signature), message));
}

// A key of small order verifies signatures that nobody made.
TEST(Ed25519, KeysOfSmallOrderAreRefused) {
  Bytes key(32);
  key[0] = std::byte{1};
  Bytes signature(64);
  signature[0] = std::byte{1};
  EXPECT_FALSE(verify_ed25519(Ed25519Key(key), Ed25519Signature(signature), as_bytes("anything")));
}

// RFC 7748 sections 5.2 and 6.1.
TEST(X25519, KnownAnswers) {
  struct {
    const char *private_key, *peer, *shared;
  } const cases[] = {{"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                      "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
                      "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
                     {"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
                      "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
                      "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"}};
  for (const auto& c : cases) {
    const Bytes private_key = hex(c.private_key), peer = hex(c.peer);
    const std::optional<Secret> shared = X25519Key(X25519Value(private_key)).agree(X25519Value(peer));
    ASSERT_TRUE(shared);
    EXPECT_EQ(to_hex(shared->bytes()), c.shared);
  }
  const Bytes bob = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  EXPECT_EQ(to_hex(X25519Key(X25519Value(bob)).public_value()),
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
}

}  // namespace
}  // namespace ferry::crypto
