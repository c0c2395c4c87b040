#include "model/config_secret.h"

#include <gtest/gtest.h>

namespace ferry::model {
namespace {

TEST(ConfigSecret, SealsAndOpens) {
  ConfigSecret secret{.status = "Plain", .payload = "hush", .key = {}, .additional_data = {}};
  const crypto::Secret none, master(std::string_view("master"));
  seal(secret, "maria", none);
  EXPECT_EQ(secret.status, "Secretbox");
  EXPECT_EQ(secret.additional_data, "maria");
  EXPECT_EQ(secret.payload.find("hush"), std::string::npos);
  EXPECT_EQ(open(secret, none)->text(), "hush");
  const ConfigSecret before = secret;
  seal(secret, "other", master);
  EXPECT_EQ(secret, before);
  secret.additional_data = "other";
  EXPECT_FALSE(open(secret, none));

  ConfigSecret with_master{.status = "Plain", .payload = "hush", .key = {}, .additional_data = {}};
  seal(with_master, "maria", master);
  EXPECT_EQ(with_master.mode, 1);
  EXPECT_EQ(open(with_master, master)->text(), "hush");
  EXPECT_FALSE(open(with_master, none));

  ConfigSecret empty{.status = "Plain", .payload = "", .key = {}, .additional_data = {}};
  seal(empty, "maria", none);
  EXPECT_TRUE(empty.empty());
  EXPECT_EQ(open(ConfigSecret{.status = "AWS", .payload = "x", .key = {}, .additional_data = {}}, none).error().code,
            ErrorCode::unsupported);
}

}  // namespace
}  // namespace ferry::model
