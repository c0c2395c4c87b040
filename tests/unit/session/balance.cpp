// What one user or folder has used, as changes overlap.
#include <gtest/gtest.h>

#include "session/quota.h"
#include "store/memory/memory_provider.h"

namespace ferry::session {
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
  QuotaUsage stored() { return provider->user_quota("u").value(); }

  std::unique_ptr<store::Provider> provider = store::make_memory_provider();
  const std::shared_ptr<Balance> balance = std::make_shared<Balance>(Balance::Kind::user, "u");
  const Payers payers{{Payer{balance, {}}}};
};

// A move from one mount to another that counts the file once: both of its names may be removed before the move puts
// back what it has counted.
TEST_F(BalanceTest, WhatIsCountedAsGoneTooEarlyComesBack) {
  payers.settle({1, 100}, {});
  {
    const QuotaChange move(payers);
    payers.settle({-1, -100}, {});
    payers.settle({-1, -100}, {});
    EXPECT_EQ(balance->used(), QuotaUsage{});
    ASSERT_TRUE(balance->flush(*provider));
    EXPECT_EQ(stored(), QuotaUsage{});
    payers.settle({1, 100}, {});
  }
  EXPECT_EQ(balance->used(), QuotaUsage{});
  payers.settle({1, 30}, {});
  EXPECT_EQ(balance->used(), (QuotaUsage{1, 30}));
  ASSERT_TRUE(balance->flush(*provider));
  EXPECT_EQ(stored(), (QuotaUsage{1, 30}));
  EXPECT_TRUE(balance->is_stored());
}

TEST_F(BalanceTest, NothingStaysBelowZero) {
  payers.settle({1, 100}, {});
  payers.settle({-2, -300}, {});
  EXPECT_EQ(balance->used(), QuotaUsage{});
  {
    const QuotaChange change(payers);
    payers.settle({-2, -300}, {});
  }
  payers.settle({1, 20}, {});
  EXPECT_EQ(balance->used(), (QuotaUsage{1, 20}));
  ASSERT_TRUE(balance->flush(*provider));
  EXPECT_EQ(stored(), (QuotaUsage{1, 20}));
}

}  // namespace
}  // namespace ferry::session
