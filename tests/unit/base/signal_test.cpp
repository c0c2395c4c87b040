#include "base/signal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <latch>
#include <memory>
#include <string>

namespace ferry {
namespace {

Task<void> write_at_each(Signal& signal, std::string& log, int times) {
  for (int i = 0; i < times; ++i) {
    co_await signal.wait();
    log += 'w';
  }
  log += '.';
}

class SignalTest : public testing::Test {
 protected:
  void start(int times) {
    asio::co_spawn(context_, write_at_each(signal_, log_, times), asio::detached);
    turn();
  }
  void turn() {
    context_.restart();
    context_.poll();
  }

  asio::io_context context_{1};
  Signal signal_{context_.get_executor()};
  std::string log_;
};

TEST_F(SignalTest, NotifyLeavesItToALaterTurn) {
  start(2);
  EXPECT_EQ(log_, "");
  signal_.notify();
  signal_.notify();
  EXPECT_EQ(log_, "");
  turn();
  EXPECT_EQ(log_, "w") << "two wake-ups before it ran are one";
  signal_.notify();
  turn();
  EXPECT_EQ(log_, "ww.");
}

TEST_F(SignalTest, AllThatWaitAreWoken) {
  start(2);
  start(1);
  start(2);
  signal_.notify();
  turn();
  EXPECT_EQ(std::ranges::count(log_, 'w'), 3);
  signal_.resume();
  EXPECT_EQ(std::ranges::count(log_, 'w'), 5);
  EXPECT_EQ(std::ranges::count(log_, '.'), 3);
}

TEST_F(SignalTest, AllThatWaitGoWithTheSignal) {
  auto owned = std::make_shared<int>(1);
  {
    Signal signal(context_.get_executor());
    for (int i = 0; i < 3; ++i) {
      asio::co_spawn(
          context_, [](Signal& one, std::shared_ptr<int>) -> Task<void> { co_await one.wait(); }(signal, owned),
          asio::detached);
    }
    turn();
    EXPECT_EQ(owned.use_count(), 4);
  }
  turn();
  EXPECT_EQ(owned.use_count(), 1);
}

TEST_F(SignalTest, ResumeRunsItAtOnce) {
  start(2);
  signal_.resume();
  EXPECT_EQ(log_, "w");
  signal_.resume();
  EXPECT_EQ(log_, "ww.");
}

TEST_F(SignalTest, AWakeUpIsRemembered) {
  signal_.notify();
  start(2);
  EXPECT_EQ(log_, "w");
  turn();
  EXPECT_EQ(log_, "w") << "once";
  signal_.resume();
  signal_.resume();
  EXPECT_EQ(log_, "ww.");
  start(1);
  EXPECT_EQ(log_, "ww.w.");
}

TEST_F(SignalTest, ResumeAfterNotifyIsOneWakeUp) {
  start(2);
  signal_.notify();
  signal_.resume();
  EXPECT_EQ(log_, "") << "its turn is on the way";
  turn();
  EXPECT_EQ(log_, "w");
}

TEST_F(SignalTest, CancellationEndsTheWait) {
  asio::cancellation_signal cancel;
  bool ended = false, thrown = false;
  asio::co_spawn(context_, write_at_each(signal_, log_, 2),
                 asio::bind_cancellation_slot(cancel.slot(), [&](const std::exception_ptr& exception) {
                   ended = true;
                   thrown = exception != nullptr;
                 }));
  turn();
  cancel.emit(asio::cancellation_type::terminal);
  turn();
  EXPECT_TRUE(ended && thrown);
  EXPECT_EQ(log_, "w");
  cancel.emit(asio::cancellation_type::terminal);  // nothing is left of the slot
}

struct Owner {
  explicit Owner(const asio::any_io_executor& executor, bool& gone) : signal(executor), gone_(gone) {}
  ~Owner() { gone_ = true; }
  Signal signal;

 private:
  bool& gone_;
};

Task<void> wait_for(std::shared_ptr<Owner> owner) { co_await owner->signal.wait(); }

TEST(Signal, WhatWaitsGoesWithTheEventLoop) {
  bool gone = false;
  {
    asio::io_context context{1};
    auto owner = std::make_shared<Owner>(context.get_executor(), gone);
    asio::co_spawn(context, wait_for(std::move(owner)), asio::detached);
    context.poll();
    EXPECT_FALSE(gone) << "the coroutine holds the signal, and the signal the coroutine";
  }
  EXPECT_TRUE(gone);
}

Task<void> wait_often(Signal& signal, int& woken, const bool& over) {
  for (; !over; ++woken) co_await signal.wait();
}

Task<void> wake_often(Signal& signal, bool& over) {
  for (int i = 0; i < 500; ++i) {
    signal.notify();
    co_await asio::post(asio::use_awaitable);
  }
  over = true;
  signal.notify();
}

TEST(Signal, OnStrandsOfOnePool) {
  struct Pair {
    asio::any_io_executor strand = pool_strand(Lane::disk);
    Signal signal{strand};
    int woken = 0;
    bool over = false;
  };
  constexpr int count = 8;
  std::deque<Pair> pairs(count);
  std::latch ended(count);
  for (Pair& pair : pairs) {
    asio::co_spawn(pair.strand, wait_often(pair.signal, pair.woken, pair.over),
                   [&ended](const std::exception_ptr&) { ended.count_down(); });
    asio::co_spawn(pair.strand, wake_often(pair.signal, pair.over), asio::detached);
  }
  ended.wait();
  for (const Pair& pair : pairs) EXPECT_GT(pair.woken, 100);
}

}  // namespace
}  // namespace ferry
