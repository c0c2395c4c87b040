#include "base/byte_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>
#include <vector>

namespace ferry {
namespace {

using namespace std::chrono_literals;

TEST(ByteBudget, GivesBackWhatTicketsHold) {
  const auto budget = std::make_shared<ByteBudget>(100);
  EXPECT_EQ(budget->limit(), 100U);
  auto first = budget->try_take(60);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->bytes(), 60U);
  EXPECT_EQ(budget->taken(), 60U);
  EXPECT_FALSE(budget->try_take(41));
  auto second = budget->try_take(40);
  ASSERT_TRUE(second);
  ByteBudget::Ticket moved = std::move(*first);
  EXPECT_EQ(first->bytes(), 0U);
  moved = std::move(*second);  // what it held goes back
  EXPECT_EQ(budget->taken(), 40U);
  moved.reset();
  moved.reset();
  EXPECT_EQ(budget->taken(), 0U);
}

TEST(ByteBudget, MoreThanAllIsAll) {
  const auto budget = std::make_shared<ByteBudget>(100);
  const auto all = budget->try_take(1000);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->bytes(), 100U);
}

TEST(ByteBudget, TheDefaultIsAPartOfTheMemory) {
  EXPECT_LE(ByteBudget::default_limit(), std::uint64_t{1} << 30);
  EXPECT_GT(ByteBudget::default_limit(), std::uint64_t{1} << 20);
}

Task<void> take_and_note(std::shared_ptr<ByteBudget> budget, std::uint64_t bytes, int number, std::vector<int>* order) {
  const auto ticket = co_await budget->take(bytes, 10s);
  if (ticket) order->push_back(number);
}

Task<void> give_back_later(ByteBudget::Ticket ticket) {
  asio::steady_timer timer(co_await asio::this_coro::executor, 20ms);
  co_await timer.async_wait(asio::use_awaitable);
  ticket.reset();
}

// A large wish is served before the small ones that came after it.
TEST(ByteBudget, ServesInTheOrderOfAsking) {
  asio::io_context context;
  const auto budget = std::make_shared<ByteBudget>(100);
  std::vector<int> order;
  asio::co_spawn(context, give_back_later(std::move(*budget->try_take(50))), asio::detached);
  asio::co_spawn(context, take_and_note(budget, 90, 1, &order), asio::detached);
  asio::co_spawn(context, take_and_note(budget, 20, 2, &order), asio::detached);
  asio::co_spawn(context, take_and_note(budget, 20, 3, &order), asio::detached);
  context.run();
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
  EXPECT_EQ(budget->taken(), 0U);
}

TEST(ByteBudget, AWaitEndsAndLetsOthersPass) {
  asio::io_context context;
  const auto budget = std::make_shared<ByteBudget>(100);
  const auto held = budget->try_take(50);
  auto large = asio::co_spawn(context, budget->take(90, 20ms), asio::use_future);
  auto small = asio::co_spawn(context, budget->take(30, 10s), asio::use_future);
  context.run();
  const auto refused = large.get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::timeout);
  EXPECT_TRUE(small.get());
}

Task<void> take_often(std::shared_ptr<ByteBudget> budget, std::atomic<std::uint64_t>* most, std::atomic<int>* failed) {
  for (int i = 0; i < 200; ++i) {
    const auto ticket = co_await budget->take(30, 30s);
    if (!ticket) ++*failed;
    const std::uint64_t now = budget->taken();
    if (now > *most) *most = now;
  }
}

// On a pool of threads, where several coroutines run at once, nothing is lost and nothing given twice.
TEST(ByteBudget, HoldsOnManyThreads) {
  asio::thread_pool pool(4);
  const auto budget = std::make_shared<ByteBudget>(100);
  std::atomic<std::uint64_t> most = 0;
  std::atomic<int> failed = 0;
  for (int i = 0; i < 16; ++i) asio::co_spawn(pool, take_often(budget, &most, &failed), asio::detached);
  pool.join();
  EXPECT_EQ(failed, 0);
  EXPECT_LE(most, 100U);
  EXPECT_EQ(budget->taken(), 0U);
}

}  // namespace
}  // namespace ferry
