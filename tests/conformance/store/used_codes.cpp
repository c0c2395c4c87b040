// One-time codes that have been used.
#include <atomic>
#include <thread>

#include "tests/conformance/store/provider_suite.h"

namespace ferry::store {
namespace {

TEST_P(ProviderTest, AStepIsClaimedOnceAndNeverAnEarlierOne) {
  EXPECT_EQ(store_->claim_code_step("user:maria", 100), true);
  EXPECT_EQ(store_->claim_code_step("user:maria", 100), false);
  EXPECT_EQ(store_->claim_code_step("user:maria", 99), false);
  EXPECT_EQ(store_->claim_code_step("admin:maria", 100), true);
  EXPECT_EQ(store_->claim_code_step("user:' OR 1=1 --", 100), true);
  EXPECT_EQ(store_->claim_code_step("user:maria", 101), true);
  EXPECT_EQ(store_->claim_code_step("user:peter", 105), true);
  EXPECT_EQ(store_->claim_code_step("user:maria", 104), true);
  // Much later others log in; then the clock goes back.
  EXPECT_EQ(store_->claim_code_step("user:peter", 1'000'000), true);
  EXPECT_EQ(store_->claim_code_step("user:maria", 104), false);
}

TEST_P(ProviderTest, AClaimOutlivesTheProvider) {
  if (!GetParam().persistent) GTEST_SKIP();
  ASSERT_EQ(store_->claim_code_step("user:maria", 100), true);
  store_.reset();
  store_ = GetParam().open(scratch_);
  EXPECT_EQ(store_->claim_code_step("user:maria", 100), false);
}

TEST_P(ProviderTest, OneOfManyClaimsTheStep) {
  std::atomic<int> claimed = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      if (store_->claim_code_step("user:maria", 100).value_or(false)) ++claimed;
    });
  }
  threads.clear();
  EXPECT_EQ(claimed, 1);
}

}  // namespace
}  // namespace ferry::store
