// Locks of names: exactly the names that are told wait for each other, in the order of asking.
#include "quota/path_locks.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <optional>
#include <vector>

namespace ferry::quota {
namespace {

using Held = PathLocks::Held;

Task<void> take_into(PathLocks& locks, std::string one, std::string other, std::optional<Held>& into) {
  Held held = co_await locks.take(std::move(one), std::move(other));
  into.emplace(std::move(held));
}

struct PathLocksTest : testing::Test {
  asio::io_context loop;
  PathLocks locks;

  void ask(const std::string& one, const std::string& other, std::optional<Held>& into) {
    asio::co_spawn(loop, take_into(locks, one, other, into), asio::detached);
    run();
  }
  void run() {
    loop.restart();
    loop.poll();
  }
};

TEST_F(PathLocksTest, OnlyTheSameNamesWait) {
  std::vector<std::optional<Held>> others(10'000);
  std::optional<Held> first, again;
  ask("a", "a", first);
  for (std::size_t i = 0; i < others.size(); ++i) ask("n" + std::to_string(i), "n" + std::to_string(i), others[i]);
  for (const std::optional<Held>& other : others) EXPECT_TRUE(other);
  ask("a", "a", again);
  EXPECT_FALSE(again);
  first.reset();
  run();
  EXPECT_TRUE(again);
  others.clear();
  again.reset();
  EXPECT_EQ(locks.held(), 0U);
}

TEST_F(PathLocksTest, InTheOrderOfAsking) {
  std::optional<Held> first, second, third;
  ask("a", "a", first);
  ask("a", "a", second);
  ask("a", "a", third);
  first.reset();
  run();
  EXPECT_TRUE(second);
  EXPECT_FALSE(third);
  second.reset();
  run();
  EXPECT_TRUE(third);
}

TEST_F(PathLocksTest, OpposedPairsDoNotWaitForEachOther) {
  std::optional<Held> middle, forth, back;
  ask("b", "b", middle);
  ask("a", "b", forth);
  ask("b", "a", back);
  EXPECT_FALSE(forth);
  EXPECT_FALSE(back);
  middle.reset();
  run();
  EXPECT_TRUE(forth);
  EXPECT_FALSE(back);
  forth.reset();
  run();
  EXPECT_TRUE(back);
  back.reset();
  EXPECT_EQ(locks.held(), 0U);
}

// Two who leave: one is cancelled while it waits, one when it was granted but has not run yet. The last still gets it.
TEST_F(PathLocksTest, WhoIsCancelledLeavesTheQueue) {
  std::optional<Held> first, cancelled, last;
  ask("a", "a", first);
  asio::cancellation_signal signal;
  asio::co_spawn(loop, take_into(locks, "a", "a", cancelled),
                 asio::bind_cancellation_slot(signal.slot(), asio::detached));
  run();
  ask("a", "a", last);
  signal.emit(asio::cancellation_type::all);
  run();
  first.reset();
  run();
  EXPECT_FALSE(cancelled);
  EXPECT_TRUE(last);
}

TEST(PathLocks, ADestroyedLoopGivesItsPlaceOn) {
  PathLocks locks;
  asio::io_context stays;
  std::optional<Held> first, gone, last;
  auto leaves = std::make_unique<asio::io_context>();
  asio::co_spawn(stays, take_into(locks, "a", "a", first), asio::detached);
  stays.poll();
  asio::co_spawn(*leaves, take_into(locks, "a", "a", gone), asio::detached);
  leaves->poll();
  asio::co_spawn(stays, take_into(locks, "a", "a", last), asio::detached);
  stays.restart();
  stays.poll();
  first.reset();  // granted to `gone`, which never runs again
  leaves.reset();
  stays.restart();
  stays.poll();
  EXPECT_FALSE(gone);
  EXPECT_TRUE(last);
}

Task<void> count_alone(PathLocks& locks, std::string one, std::string other, int& count, std::atomic<int>& done) {
  for (int i = 0; i < 500; ++i) {
    const Held held = co_await locks.take(one, other);
    const int seen = count;
    if (i % 50 == 0) co_await asio::post(asio::use_awaitable);
    count = seen + 1;
  }
  ++done;
}

TEST(PathLocks, ManyThreads) {
  PathLocks locks;
  int count = 0;
  std::atomic<int> done = 0;
  asio::thread_pool pool(4);
  for (int i = 0; i < 8; ++i) {
    const std::string other = "other" + std::to_string(i);
    const bool swapped = i % 2 == 0;
    asio::co_spawn(pool, count_alone(locks, swapped ? other : "same", swapped ? "same" : other, count, done),
                   asio::detached);
  }
  pool.join();
  EXPECT_EQ(done, 8);
  EXPECT_EQ(count, 4'000);
  EXPECT_EQ(locks.held(), 0U);
}

}  // namespace
}  // namespace ferry::quota
