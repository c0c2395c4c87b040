#include "base/expiry_clock.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace ferry {
namespace {

struct Clocks {
  std::atomic<std::int64_t> wall = 1'700'000'000'000, steady = 5'000;
  ExpiryClock expiry{[this] { return wall.load(); }, [this] { return steady.load(); }};
  void pass(std::int64_t ms) {
    wall += ms;
    steady += ms;
  }
};

TEST(ExpiryClock, GoesWithTheSystemsClock) {
  Clocks clocks;
  const std::int64_t start = clocks.wall;
  EXPECT_EQ(clocks.expiry.now_ms(), start);
  clocks.pass(1234);
  EXPECT_EQ(clocks.expiry.now_ms(), start + 1234);
  clocks.wall += 86'400'000;  // set forwards, or the machine has slept
  EXPECT_EQ(clocks.expiry.now_ms(), start + 1234 + 86'400'000);
}

TEST(ExpiryClock, GoesOnWhenTheSystemsClockIsSetBack) {
  Clocks clocks;
  const std::int64_t start = clocks.expiry.now_ms();
  clocks.wall -= 30 * 86'400'000LL;
  EXPECT_EQ(clocks.expiry.now_ms(), start);
  clocks.pass(60'000);
  EXPECT_EQ(clocks.expiry.now_ms(), start + 60'000) << "it does not stand still meanwhile";
  clocks.wall += 31 * 86'400'000LL;
  EXPECT_EQ(clocks.expiry.now_ms(), clocks.wall) << "caught up";
}

TEST(ExpiryClock, NeverGoesBackForAnyThread) {
  Clocks clocks;
  std::atomic<bool> went_back = false, done = false;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (std::int64_t last = 0; !done;) {
        const std::int64_t now = clocks.expiry.now_ms();
        if (now < last) went_back = true;
        last = now;
      }
    });
  }
  for (int i = 0; i < 2000; ++i) clocks.wall += i % 2 == 0 ? 7 : -5;
  done = true;
  threads.clear();
  EXPECT_FALSE(went_back);
}

}  // namespace
}  // namespace ferry
