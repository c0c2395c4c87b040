#include "crypto/password_strength.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ferry::crypto {
namespace {

double bits(double base, double length) { return length * std::log2(base); }

TEST(PasswordStrength, SetsAndLength) {
  EXPECT_EQ(password_entropy(""), 0);
  EXPECT_EQ(password_entropy("\xff"), 0);
  EXPECT_NEAR(password_entropy("mzbqtk"), bits(26, 6), 0.01);
  EXPECT_NEAR(password_entropy("mZbqtk"), bits(52, 6), 0.01);
  EXPECT_NEAR(password_entropy("mZb7tk"), bits(62, 6), 0.01);
  EXPECT_NEAR(password_entropy("mZb7t!"), bits(67, 6), 0.01);
  EXPECT_NEAR(password_entropy("mZb7t!-"), bits(72, 7), 0.01);
  EXPECT_NEAR(password_entropy("mZb7t!-#"), bits(94, 8), 0.01);
  EXPECT_NEAR(password_entropy("m\xc3\xa4"
                               "b"),
              bits(27, 3), 0.01);
  EXPECT_NEAR(password_entropy("m\x01"
                               "b"),
              bits(27, 3), 0.01);
}

TEST(PasswordStrength, RunsCountTwice) {
  EXPECT_NEAR(password_entropy("aaaaaaaaaa"), bits(26, 2), 0.01);
  EXPECT_NEAR(password_entropy("0123456789"), bits(10, 2), 0.01);
  EXPECT_NEAR(password_entropy("abcdefgh"), bits(26, 2), 0.01);
  EXPECT_NEAR(password_entropy("hgfedcba"), bits(26, 2), 0.01);
  EXPECT_NEAR(password_entropy("qwertyuiop"), bits(26, 2), 0.01);
  EXPECT_NEAR(password_entropy("QwErTy"), bits(52, 2), 0.01);
  EXPECT_NEAR(password_entropy("aabb"), bits(26, 4), 0.01);
  EXPECT_GT(password_entropy("correct horse battery staple"), 120);
}

}  // namespace
}  // namespace ferry::crypto
