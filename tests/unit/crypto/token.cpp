#include "crypto/token.h"

#include <cctype>
#include <map>
#include <set>

#include "crypto/cipher.h"
#include "tests/unit/crypto/support.h"

namespace ferry::crypto {
namespace {

const Bytes key = to_bytes("0123456789abcdef0123456789abcdef");
constexpr std::int64_t now = 1'700'000'000;
// Signed by Python's hmac.
const std::string_view known =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZG1pbiIsImV4cCI6MjAwMDAwMDAwMH0."
    "PwxGkPSQ3jiK4SRL9PSZaMLfoVgqGbLV251iTwvTy7g";
const std::string_view known_claims = R"({"sub":"admin","exp":2000000000})";

std::string reason(const Result<std::string>& verified) {
  if (verified) return "accepted";
  EXPECT_EQ(verified.error().code, ErrorCode::authentication_failed);
  return verified.error().message;
}

// A token with any header, rightly signed.
std::string with_header(std::string_view header, std::string_view claims = known_claims) {
  std::string token = base64_encode(as_bytes(header), Base64::url) + "." + base64_encode(as_bytes(claims), Base64::url);
  Hmac mac(HashAlgorithm::sha256, key);
  Bytes tag(32);
  mac.compute({as_bytes(token)}, tag);
  return token + "." + base64_encode(tag, Base64::url);
}

TEST(Jwt, KnownAnswer) {
  EXPECT_EQ(sign_jwt(known_claims, key), known);
  const Result<std::string> claims = verify_jwt(known, key, now);
  ASSERT_TRUE(claims) << claims.error().message;
  EXPECT_EQ(*claims, known_claims);
}

// RFC 7515 appendix A.1: white space inside the header and the claims, and an expiry in 2011.
TEST(Jwt, Rfc7515Example) {
  const Bytes rfc_key =
      base64_decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
                    Base64::url)
          .value();
  const std::string_view token =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLm"
      "NvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  EXPECT_TRUE(verify_jwt(token, rfc_key, 1'300'819'379));
  EXPECT_EQ(reason(verify_jwt(token, rfc_key, 1'300'819'380)), "token: expired");
}

TEST(Jwt, OnlyHs256) {
  EXPECT_TRUE(verify_jwt(with_header(R"({"alg":"HS256"})"), key, now));
  for (const char* header :
       {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"HS512"})", R"({"alg":"RS256"})", R"({"typ":"JWT"})",
        R"({"alg":["HS256"]})", R"({"alg":null})", R"({"alg":"HS256","crit":["exp"]})", R"("HS256")", "", "{", "[]"}) {
    EXPECT_FALSE(verify_jwt(with_header(header), key, now)) << header;
  }
  const std::string none = base64_encode(as_bytes(R"({"alg":"none"})"), Base64::url) + "." +
                           base64_encode(as_bytes(known_claims), Base64::url);
  EXPECT_FALSE(verify_jwt(none + ".", key, now));
  EXPECT_FALSE(verify_jwt(none, key, now));
}

TEST(Jwt, Times) {
  const auto verdict = [](std::string_view claims) { return reason(verify_jwt(sign_jwt(claims, key), key, now)); };
  EXPECT_EQ(verdict(R"({"exp":1700000001})"), "accepted");
  EXPECT_EQ(verdict(R"({"exp":1700000000.5,"nbf":1700000000})"), "accepted");
  EXPECT_EQ(verdict(R"({"exp":1700000000})"), "token: expired");
  EXPECT_EQ(verdict(R"({"exp":-1})"), "token: expired");
  EXPECT_EQ(verdict("{}"), "token: it never expires");
  EXPECT_EQ(verdict(R"({"exp":"1800000000"})"), "token: it never expires");
  EXPECT_EQ(verdict(R"({"exp":null})"), "token: it never expires");
  EXPECT_EQ(verdict(R"({"exp":1800000000,"nbf":1700000001})"), "token: not valid yet");
  EXPECT_EQ(verdict(R"({"exp":1800000000,"nbf":"x"})"), "token: not valid yet");
  EXPECT_EQ(verdict("[1]"), "token: claims not a JSON object");
  EXPECT_EQ(verdict("{\"exp\":1800000000"), "token: claims not a JSON object");
}

TEST(Jwt, WrongKeysAndShapes) {
  EXPECT_EQ(reason(verify_jwt(known, to_bytes("another"), now)), "token: wrong signature");
  EXPECT_EQ(reason(verify_jwt(sign_jwt(known_claims, {}), {}, now)), "token: no key to check it with");
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".."), std::string("a.b"), std::string(known) + "=",
        std::string(known) + ".x", " " + std::string(known), std::string(known) + "\n", std::string(100'000, '.')}) {
    EXPECT_FALSE(verify_jwt(bad, key, now)) << bad.substr(0, 200);
  }
}

TEST(Jwt, MutatedTokensAreRefused) {
  test::mutate(known, 10'000, [](const std::string& token) {
    EXPECT_EQ(verify_jwt(token, key, now).has_value(), token == known) << token;
  });
  // Rightly signed, and nonsense inside: the JSON parser on its own.
  test::mutate(known_claims, 10'000, [](const std::string& claims) {
    const Result<std::string> verified = verify_jwt(sign_jwt(claims, key), key, now);
    if (verified) {
      EXPECT_EQ(*verified, claims);
    }
  });
}

TEST(RandomId, LettersAndDigitsEquallyOften) {
  std::map<char, int> counts;
  for (const char c : random_id(620'000)) ++counts[c];
  EXPECT_EQ(counts.size(), 62U);
  for (const auto& [c, count] : counts) {
    EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c)));
    EXPECT_NEAR(count, 10'000, 700) << c;  // seven standard deviations
  }
}

TEST(RandomId, NeverTwice) {
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) seen.insert(random_id());
  EXPECT_EQ(seen.size(), 10'000U);
  EXPECT_EQ(random_id().size(), 22U);
  EXPECT_TRUE(random_id(0).empty());
}

}  // namespace
}  // namespace ferry::crypto
