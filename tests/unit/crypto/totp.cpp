#include "crypto/totp.h"

#include <map>

#include "crypto/encoding.h"
#include "tests/unit/crypto/support.h"

namespace ferry::crypto {
namespace {

// RFC 6238 appendix B: the secrets are the ASCII digits, 20, 32 and 64 of them; the last six of eight digits.
const std::string_view sha1_secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const std::string_view sha256_secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA====";
const std::string_view sha512_secret =
    "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNA=";

struct Vector {
  std::int64_t time;
  const char *sha1, *sha256, *sha512;
};
constexpr Vector vectors[] = {
    {59, "287082", "119246", "693936"},         {1111111109, "081804", "084774", "091201"},
    {1111111111, "050471", "062674", "943326"}, {1234567890, "005924", "819424", "441116"},
    {2000000000, "279037", "698825", "618901"}, {20000000000, "353130", "737706", "863826"},
};

std::optional<TotpStep> step_of(std::string_view secret, HashAlgorithm algorithm, std::int64_t time,
                                std::string_view code) {
  const auto step = find_totp_step(Secret(secret), algorithm, time, code);
  EXPECT_TRUE(step) << step.error().message;
  return step.value_or(std::nullopt);
}

TEST(Totp, KnownAnswers) {
  for (const Vector& each : vectors) {
    const auto step = static_cast<TotpStep>(each.time / 30);
    EXPECT_EQ(step_of(sha1_secret, HashAlgorithm::sha1, each.time, each.sha1), step);
    EXPECT_EQ(step_of(sha256_secret, HashAlgorithm::sha256, each.time, each.sha256), step);
    EXPECT_EQ(step_of(sha512_secret, HashAlgorithm::sha512, each.time, each.sha512), step);
    EXPECT_EQ(step_of(sha1_secret, HashAlgorithm::sha256, each.time, each.sha1), std::nullopt);
  }
}

TEST(Totp, ClocksMayDifferByOneStep) {
  constexpr std::int64_t time = 1111111109;
  const auto step = static_cast<TotpStep>(time / 30);
  EXPECT_EQ(step_of(sha1_secret, HashAlgorithm::sha1, time + 30, "081804"), step);
  EXPECT_EQ(step_of(sha1_secret, HashAlgorithm::sha1, time - 30, "081804"), step);
  EXPECT_EQ(step_of(sha1_secret, HashAlgorithm::sha1, time + 60, "081804"), std::nullopt);
  EXPECT_EQ(step_of(sha1_secret, HashAlgorithm::sha1, time - 60, "081804"), std::nullopt);
}

TEST(Totp, OtherTexts) {
  using namespace std::string_view_literals;
  for (const std::string_view code : {"", "8180", "0081804", "81804", "081804 ", " 081804", "+81804", "0818040",
                                      "07081804", "o81804", "\0\0\0\0\0\0"}) {
    EXPECT_EQ(step_of(sha1_secret, HashAlgorithm::sha1, 1111111109, code), std::nullopt) << code;
  }
  EXPECT_EQ(step_of(sha1_secret, HashAlgorithm::sha1, 1111111109, "081804\0"sv), std::nullopt);
}

TEST(Totp, SecretsAsAppsShowThem) {
  EXPECT_EQ(step_of("gezd gnbv gy3t qojq gezd gnbv gy3t qojq", HashAlgorithm::sha1, 59, "287082"), 1U);
  for (const char* secret : {"", "1", "GEZDGNBVGY3TQOJ0", "====", "   "}) {
    const auto step = find_totp_step(Secret(std::string_view(secret)), HashAlgorithm::sha1, 59, "287082");
    ASSERT_FALSE(step) << secret;
    EXPECT_EQ(step.error().code, ErrorCode::invalid_argument);
  }
  EXPECT_FALSE(find_totp_step(Secret(std::string(2000, 'A')), HashAlgorithm::sha1, 59, "287082"));
}

TEST(Totp, NewSecretsAreRandomAndAsLongAsTheHash) {
  std::map<char, int> counts;
  for (int i = 0; i < 2'000; ++i) {
    const Secret secret = new_totp_secret(HashAlgorithm::sha1);
    ASSERT_EQ(secret.size(), 32U);
    for (const char c : secret.text()) ++counts[c];
  }
  EXPECT_EQ(counts.size(), 32U);
  for (const auto& [c, count] : counts) EXPECT_NEAR(count, 2'000, 315) << c;  // seven standard deviations
  EXPECT_EQ(new_totp_secret(HashAlgorithm::sha256).size(), 52U);
  EXPECT_EQ(new_totp_secret(HashAlgorithm::sha512).size(), 103U);
  EXPECT_TRUE(find_totp_step(new_totp_secret(HashAlgorithm::sha512), HashAlgorithm::sha512, 59, "287082"));
}

TEST(Totp, AlgorithmNames) {
  EXPECT_EQ(totp_algorithm("sha1"), HashAlgorithm::sha1);
  EXPECT_EQ(totp_algorithm("sha256"), HashAlgorithm::sha256);
  EXPECT_EQ(totp_algorithm("sha512"), HashAlgorithm::sha512);
  EXPECT_EQ(totp_algorithm("md5"), std::nullopt);
}

}  // namespace
}  // namespace ferry::crypto
