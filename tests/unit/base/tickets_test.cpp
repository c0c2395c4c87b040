#include "base/tickets.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>
#include <deque>
#include <map>
#include <vector>

namespace ferry {
namespace {

using namespace std::chrono_literals;

TEST(Tickets, GivesBackWhatTicketsHold) {
  const auto budget = std::make_shared<Tickets>(100);
  EXPECT_EQ(budget->limit(), 100U);
  auto first = budget->try_take(60);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->count(), 60U);
  EXPECT_EQ(budget->taken(), 60U);
  EXPECT_FALSE(budget->try_take(41));
  auto second = budget->try_take(40);
  ASSERT_TRUE(second);
  Tickets::Ticket moved = std::move(*first);
  EXPECT_EQ(first->count(), 0U);
  moved = std::move(*second);  // what it held goes back
  EXPECT_EQ(budget->taken(), 40U);
  moved.reset();
  moved.reset();
  EXPECT_EQ(budget->taken(), 0U);
}

TEST(Tickets, MoreThanAllIsAll) {
  const auto budget = std::make_shared<Tickets>(100);
  const auto all = budget->try_take(1000);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->count(), 100U);
}

Task<void> take_and_note(std::shared_ptr<Tickets> budget, std::uint64_t bytes, int number, std::vector<int>* order) {
  const auto ticket = co_await budget->take(bytes, 10s);
  if (ticket) order->push_back(number);
}

Task<void> give_back_later(Tickets::Ticket ticket) {
  asio::steady_timer timer(co_await asio::this_coro::executor, 20ms);
  co_await timer.async_wait(asio::use_awaitable);
  ticket.reset();
}

// A large wish is served before the small ones that came after it.
TEST(Tickets, ServesInTheOrderOfAsking) {
  asio::io_context context;
  const auto budget = std::make_shared<Tickets>(100);
  std::vector<int> order;
  asio::co_spawn(context, give_back_later(std::move(*budget->try_take(50))), asio::detached);
  asio::co_spawn(context, take_and_note(budget, 90, 1, &order), asio::detached);
  asio::co_spawn(context, take_and_note(budget, 20, 2, &order), asio::detached);
  asio::co_spawn(context, take_and_note(budget, 20, 3, &order), asio::detached);
  context.run();
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
  EXPECT_EQ(budget->taken(), 0U);
}

TEST(Tickets, AWaitEndsAndLetsOthersPass) {
  asio::io_context context;
  const auto budget = std::make_shared<Tickets>(100);
  const auto held = budget->try_take(50);
  auto large = asio::co_spawn(context, budget->take(90, 20ms), asio::use_future);
  auto small = asio::co_spawn(context, budget->take(30, 10s), asio::use_future);
  context.run();
  const auto refused = large.get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::timeout);
  EXPECT_TRUE(small.get());
}

Task<void> take_often(std::shared_ptr<Tickets> budget, std::atomic<std::uint64_t>* most, std::atomic<int>* failed) {
  for (int i = 0; i < 200; ++i) {
    const auto ticket = co_await budget->take(30, 30s);
    if (!ticket) ++*failed;
    const std::uint64_t now = budget->taken();
    if (now > *most) *most = now;
  }
}

// On a pool of threads, where several coroutines run at once, nothing is lost and nothing given twice.
TEST(Tickets, HoldsOnManyThreads) {
  asio::thread_pool pool(4);
  const auto budget = std::make_shared<Tickets>(100);
  std::atomic<std::uint64_t> most = 0;
  std::atomic<int> failed = 0;
  for (int i = 0; i < 16; ++i) asio::co_spawn(pool, take_often(budget, &most, &failed), asio::detached);
  pool.join();
  EXPECT_EQ(failed, 0);
  EXPECT_LE(most, 100U);
  EXPECT_EQ(budget->taken(), 0U);
}

// One who wants all it can get leaves as much as it has.
TEST(Tickets, OneOwnerTakesHalf) {
  const auto tickets = std::make_shared<Tickets>(1000);
  std::vector<Tickets::Ticket> held;
  while (auto one = tickets->try_take(10, "maria")) held.push_back(std::move(*one));
  EXPECT_EQ(tickets->taken(), 500U);
  while (auto one = tickets->try_take(10, "ben")) held.push_back(std::move(*one));
  EXPECT_EQ(tickets->taken(), 750U);
  EXPECT_TRUE(tickets->try_take(250, "eve")) << "who holds nothing gets what is free";
}

// Owners who all want more than there is have the same in the end.
TEST(Tickets, OwnersWhoGiveBackAndTakeAgainAreAlike) {
  const auto tickets = std::make_shared<Tickets>(1000);
  std::map<std::string, std::deque<Tickets::Ticket>> held;
  for (int round = 0; round < 200; ++round) {
    for (const char* owner : {"a", "b", "c"}) {
      while (auto one = tickets->try_take(10, owner)) held[owner].push_back(std::move(*one));
      held[owner].pop_front();
    }
  }
  for (const auto& [owner, all] : held) {
    EXPECT_GE(all.size(), 22U) << owner;
    EXPECT_LE(all.size(), 28U) << owner;
  }
}

// Those who wait for what they hold themselves are passed over; one who holds nothing is not.
TEST(Tickets, WhoWaitsForItselfStopsNobodyElse) {
  asio::io_context context;
  const auto tickets = std::make_shared<Tickets>(1000);
  std::vector<Tickets::Ticket> held;
  while (auto one = tickets->try_take(10, "idle")) held.push_back(std::move(*one));
  auto waits = asio::co_spawn(context, tickets->take(10, 10s, "idle"), asio::use_future);
  auto large = asio::co_spawn(context, tickets->take(400, 10s, "maria"), asio::use_future);
  context.poll();
  EXPECT_EQ(large.wait_for(0s), std::future_status::ready);
  EXPECT_NE(waits.wait_for(0s), std::future_status::ready);
  // 100 are left. Eve wants more; ben, who asked after her, does not get them first.
  auto eve = asio::co_spawn(context, tickets->take(200, 10s, "eve"), asio::use_future);
  auto ben = asio::co_spawn(context, tickets->take(50, 10s, "ben"), asio::use_future);
  context.poll();
  EXPECT_NE(eve.wait_for(0s), std::future_status::ready);
  EXPECT_NE(ben.wait_for(0s), std::future_status::ready);
  EXPECT_FALSE(tickets->try_take(1, "zoe"));
  large.get()->reset();
  context.restart();
  context.run_for(200ms);
  EXPECT_TRUE(eve.get());
  EXPECT_TRUE(ben.get());
  EXPECT_NE(waits.wait_for(0s), std::future_status::ready);
  held.clear();
  context.restart();
  context.run();
  EXPECT_TRUE(waits.get());
  EXPECT_EQ(tickets->taken(), 0U);
}

}  // namespace
}  // namespace ferry
