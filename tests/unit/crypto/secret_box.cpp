#include "crypto/secret_box.h"

#include "tests/unit/crypto/support.h"

namespace ferry::crypto {
namespace {

// Made by an implementation of XSalsa20-Poly1305 and HKDF of its own (checked against NaCl's test vector), and by
// Python's cryptography for AES-GCM.
const std::string_view key = "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f";
const std::string_view owner = "alice";
const std::string_view plain = "s3cret p\xc3\xa4ssphrase";
const std::string_view own_payload = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYUSbU2eDpYxmZJRpngJoJpI53I4jJruRPcb6lw8W8NY6cYQ==";
const std::string_view master_payload =
    "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYi32zwMv7UsRQhSiJZ6p6B4iyhZ/hGQ2fT9ozncD7Vy45YQ==";
const std::string_view gcm_payload =
    "0102030405060708090a0b0cf56c50e49f30a20fd21f8c048e0d90939047236c938b80453c070760d1f005b0a343";
const Secret master(std::string_view("master key of the test, 0123456789"));
const Secret no_master;

std::string opened(const Result<Secret>& secret) {
  if (secret) return std::string(secret->text());
  return secret.error().code == ErrorCode::authentication_failed ? "wrong key"
         : secret.error().code == ErrorCode::invalid_argument    ? "malformed"
                                                                 : "?";
}

TEST(SecretBox, KnownSecretsOpen) {
  EXPECT_EQ(opened(open_secret(own_payload, key, owner, 0, no_master)), plain);
  EXPECT_EQ(opened(open_secret(own_payload, key, owner, 0, master)), plain) << "made before the master key came";
  EXPECT_EQ(opened(open_secret(master_payload, key, owner, 1, master)), plain);
  EXPECT_EQ(opened(open_secret_aes256_gcm(gcm_payload, key, owner)), plain);
}

TEST(SecretBox, BoundToOwnerKeyAndMode) {
  EXPECT_EQ(opened(open_secret(own_payload, key, "bob", 0, no_master)), "wrong key");
  EXPECT_EQ(opened(open_secret(own_payload, key, "", 0, no_master)), "wrong key");
  EXPECT_EQ(opened(open_secret(own_payload, key, owner, 1, master)), "wrong key");
  EXPECT_EQ(opened(open_secret(master_payload, key, owner, 0, master)), "wrong key");
  EXPECT_EQ(opened(open_secret(master_payload, key, owner, 1, Secret(std::string_view("another")))), "wrong key");
  EXPECT_EQ(opened(open_secret(master_payload, key, owner, 1, no_master)), "malformed");
  EXPECT_EQ(opened(open_secret(own_payload, key, owner, 2, master)), "malformed");
  EXPECT_EQ(opened(open_secret(own_payload, std::string(64, '0'), owner, 0, no_master)), "wrong key");
  EXPECT_EQ(opened(open_secret_aes256_gcm(gcm_payload, key, "bob")), "wrong key");
  EXPECT_EQ(opened(open_secret_aes256_gcm(gcm_payload, std::string(64, '0'), owner)), "wrong key");
}

TEST(SecretBox, NewSecretsComeBack) {
  for (const std::string& text : {std::string(), std::string("x"), std::string(100'000, 'y')}) {
    const SealedSecret own = seal_secret(as_bytes(text), "folder_a", no_master);
    EXPECT_EQ(own.mode, SecretMode::own_key);
    EXPECT_EQ(own.key.size(), 64U);
    EXPECT_EQ(opened(open_secret(own.payload, own.key, "folder_a", 0, no_master)), text);
    const SealedSecret mastered = seal_secret(as_bytes(text), "", master);
    EXPECT_EQ(mastered.mode, SecretMode::master_key);
    EXPECT_EQ(opened(open_secret(mastered.payload, mastered.key, "", 1, master)), text);
  }
  EXPECT_NE(seal_secret(as_bytes("x"), "", no_master).payload, seal_secret(as_bytes("x"), "", no_master).payload);
}

TEST(SecretBox, MalformedKeys) {
  for (const std::string_view bad : {std::string_view(), key.substr(2), std::string_view("xyz")}) {
    EXPECT_EQ(opened(open_secret(own_payload, bad, owner, 0, no_master)), "malformed");
    EXPECT_EQ(opened(open_secret_aes256_gcm(gcm_payload, bad, owner)), "malformed");
  }
}

TEST(SecretBox, MutatedPayloadsDoNotOpen) {
  test::mutate(own_payload, 10'000, [](const std::string& payload) {
    EXPECT_EQ(open_secret(payload, key, owner, 0, no_master).has_value(), payload == own_payload);
  });
  test::mutate(gcm_payload, 10'000, [](const std::string& payload) {
    const Result<Secret> secret = open_secret_aes256_gcm(payload, key, owner);
    if (secret) {  // hex in upper case is the same payload
      EXPECT_EQ(hex_encode(*hex_decode(payload)), gcm_payload);
    }
  });
}

}  // namespace
}  // namespace ferry::crypto
