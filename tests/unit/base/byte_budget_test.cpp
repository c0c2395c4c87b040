#include "base/byte_budget.h"

#include <gtest/gtest.h>

namespace ferry {
namespace {

TEST(ByteBudget, TheDefaultIsAPartOfTheMemory) {
  EXPECT_LE(ByteBudget::default_limit(), std::uint64_t{1} << 30);
  EXPECT_GT(ByteBudget::default_limit(), std::uint64_t{1} << 20);
}

TEST(ByteBudget, UsesTakeNothingFromEachOther) {
  const ByteBudget budget(800);
  auto first = budget.first().try_take(1000);
  auto parts = budget.parts().try_take(1000);
  auto ahead = budget.ahead().try_take(1000);
  ASSERT_TRUE(first && parts && ahead);
  EXPECT_EQ(first->count(), 100U);
  EXPECT_EQ(parts->count(), 400U);
  EXPECT_EQ(ahead->count(), 300U);
  EXPECT_EQ(budget.taken(), 800U);
}

}  // namespace
}  // namespace ferry
