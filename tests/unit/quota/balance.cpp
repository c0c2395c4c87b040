// What one user or folder has used, as changes overlap.
#include <gtest/gtest.h>

#include "quota/quota.h"
#include "store/memory/memory_provider.h"

namespace ferry::quota {
namespace {

class BalanceTest : public testing::Test {
 protected:
  BalanceTest() {
    model::User user;
    user.username = "u";
    user.home_dir = "/srv/u";
    user.password = "secret of u";
    user.permissions["/"] = {"*"};
    EXPECT_TRUE(provider->add_user(user));
  }
  Usage stored() { return provider->user_quota("u").value(); }

  std::unique_ptr<store::Provider> provider = store::make_memory_provider();
  const std::shared_ptr<Balance> balance = std::make_shared<Balance>(Balance::Kind::user, "u");
  const Owners owners{{Owner{balance, {}}}};
};

// A move from one mount to another that counts the file once: both of its names may be removed before the move puts
// back what it has counted.
TEST_F(BalanceTest, WhatIsCountedAsGoneTooEarlyComesBack) {
  owners.settle({1, 100}, {});
  {
    const Change move(owners);
    owners.settle({-1, -100}, {});
    owners.settle({-1, -100}, {});
    EXPECT_EQ(balance->used(), Usage{});
    ASSERT_TRUE(balance->flush(*provider));
    EXPECT_EQ(stored(), Usage{});
    owners.settle({1, 100}, {});
  }
  EXPECT_EQ(balance->used(), Usage{});
  owners.settle({1, 30}, {});
  EXPECT_EQ(balance->used(), (Usage{1, 30}));
  ASSERT_TRUE(balance->flush(*provider));
  EXPECT_EQ(stored(), (Usage{1, 30}));
  EXPECT_TRUE(balance->is_stored());
}

TEST_F(BalanceTest, NothingStaysBelowZero) {
  owners.settle({1, 100}, {});
  owners.settle({-2, -300}, {});
  EXPECT_EQ(balance->used(), Usage{});
  {
    const Change change(owners);
    owners.settle({-2, -300}, {});
  }
  owners.settle({1, 20}, {});
  EXPECT_EQ(balance->used(), (Usage{1, 20}));
  ASSERT_TRUE(balance->flush(*provider));
  EXPECT_EQ(stored(), (Usage{1, 20}));
}

}  // namespace
}  // namespace ferry::quota
