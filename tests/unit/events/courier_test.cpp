// From the outbox to the hooks: order, retries, pauses, dead letters; and the writer before it.
#include "events/courier.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "events/journal.h"
#include "store/memory/memory_provider.h"
#include "tests/support/run.h"

namespace ferry::events {
namespace {

using Texts = std::vector<std::string>;

class CourierTest : public testing::Test {
 protected:
  // What each delivery is answered; nothing left: done.
  using Answer = std::function<DeliveryOutcome(const store::Notification&)>;

  ~CourierTest() override {
    if (courier_) courier_->stop();
  }
  void start(Answer answer) {
    courier_ = std::make_unique<Courier>(
        *store_, CourierOptions{.hooks = {"files", "objects"}, .first_pause = std::chrono::milliseconds(20)},
        [this, answer](store::Notification one) -> Task<DeliveryOutcome> { return deliver(answer, std::move(one)); });
    courier_->start();
  }
  Task<DeliveryOutcome> deliver(Answer answer, store::Notification one) {
    DeliveryOutcome outcome = answer(one);
    const std::scoped_lock lock(mutex_);
    attempts_.push_back(one.payload + (outcome.delivery == Delivery::done ? "" : "!"));
    changed_.notify_all();
    co_return outcome;
  }
  void queue(const Texts& payloads, std::int64_t lifetime_ms = 1'000'000, const char* hook = "files") {
    std::vector<store::Notification> fresh;
    for (const std::string& text : payloads) {
      fresh.push_back({.hook = hook, .action = "upload", .payload = text, .expires_at = store::now_ms() + lifetime_ms});
    }
    ASSERT_TRUE(store_->queue(fresh));
    if (courier_) courier_->wake();
  }
  Texts attempts(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return attempts_.size() >= count; });
    return attempts_;
  }
  bool comes_to(store::OutboxCount wanted) {
    for (int i = 0; i < 2000; ++i) {
      if (store_->count_notifications().value() == wanted) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

  std::unique_ptr<store::Provider> store_ = store::make_memory_provider();
  std::mutex mutex_;
  std::condition_variable changed_;
  Texts attempts_;
  std::unique_ptr<Courier> courier_;
};

DeliveryOutcome done(const store::Notification&) { return {}; }

TEST_F(CourierTest, DeliversInOrderAndForgets) {
  queue({"a", "b"});
  start(done);
  queue({"c"});
  EXPECT_EQ(attempts(3), (Texts{"a", "b", "c"}));
  EXPECT_TRUE(comes_to({}));
}

TEST_F(CourierTest, ManyMoreThanABatch) {
  Texts many;
  for (int i = 0; i < 500; ++i) many.push_back(std::to_string(i));
  queue(many);
  start(done);
  EXPECT_EQ(attempts(500), many);
  EXPECT_TRUE(comes_to({}));
}

TEST_F(CourierTest, HookThatIsAwayMakesAllWaitInOrder) {
  std::atomic<int> away = 3;
  queue({"a", "b"});
  start([&](const store::Notification&) {
    return away-- > 0 ? DeliveryOutcome{Delivery::unreachable, "away"} : DeliveryOutcome{};
  });
  EXPECT_EQ(attempts(5), (Texts{"a!", "a!", "a!", "a", "b"}));
  EXPECT_TRUE(comes_to({}));
}

TEST_F(CourierTest, OneThatIsRefusedWaitsAlone) {
  std::atomic<int> refusals = 2;
  queue({"bad", "b", "c"});
  start([&](const store::Notification& one) {
    return one.payload == "bad" && refusals-- > 0 ? DeliveryOutcome{Delivery::refused, "no"} : DeliveryOutcome{};
  });
  EXPECT_EQ(attempts(5), (Texts{"bad!", "b", "c", "bad!", "bad"}));
  EXPECT_TRUE(comes_to({}));
}

TEST_F(CourierTest, OfManyThatWaitAloneEachIsTriedInItsTime) {
  std::atomic<int> refusals = 60;
  Texts many;
  for (int i = 0; i < 60; ++i) many.push_back(std::to_string(i));
  queue(many);
  start([&](const store::Notification&) {
    return refusals-- > 0 ? DeliveryOutcome{Delivery::refused, "no"} : DeliveryOutcome{};
  });
  EXPECT_TRUE(comes_to({}));
}

TEST_F(CourierTest, HooksDoNotWaitForEachOther) {
  queue({"a"});
  queue({"x", "y"}, 1'000'000, "objects");
  start([](const store::Notification& one) {
    return one.hook == "files" ? DeliveryOutcome{Delivery::unreachable, "away"} : DeliveryOutcome{};
  });
  EXPECT_TRUE(comes_to({.waiting = 1, .dead = 0}));
}

TEST_F(CourierTest, WhatIsTooOldWhenItFailsIsDead) {
  queue({"old"}, -1);
  queue({"older"}, -2);
  queue({"young"});
  std::atomic<bool> away = true;
  start([&](const store::Notification&) {
    return away ? DeliveryOutcome{Delivery::unreachable, "away"} : DeliveryOutcome{};
  });
  EXPECT_TRUE(comes_to({.waiting = 1, .dead = 2}));
  const auto dead = store_->notifications(true, 0, 10).value();
  EXPECT_EQ(dead[0].last_error, "away");
  EXPECT_EQ(dead[0].attempts, 1);
  EXPECT_EQ(dead[1].attempts, 0) << "it waited behind the first";
  away = false;
  ASSERT_EQ(store_->replay(0, store::now_ms() + 1'000'000).value(), 2U);
  courier_->wake(true);
  EXPECT_TRUE(comes_to({}));
}

TEST_F(CourierTest, TooOldIsTriedOnceAllTheSame) {
  queue({"old"}, -1);
  start(done);
  EXPECT_EQ(attempts(1), Texts{"old"});
  EXPECT_TRUE(comes_to({}));
}

TEST_F(CourierTest, DeliveryThatThrowsIsARefusal) {
  queue({"a", "b"}, -1);
  start([](const store::Notification& one) -> DeliveryOutcome {
    if (one.payload == "a") throw std::runtime_error("a bug");
    return {};
  });
  EXPECT_TRUE(comes_to({.waiting = 0, .dead = 1}));
}

TEST_F(CourierTest, WhatWasDeliveredBeforeTheEndIsStored) {
  queue({"a"});
  start(done);
  attempts(1);
  courier_->stop();
  EXPECT_EQ(store_->count_notifications().value(), store::OutboxCount{});
}

TEST(Journal, StoresWhatManyGiveItAndWakes) {
  const auto store = store::make_memory_provider();
  std::atomic<int> woken = 0;
  Journal journal(*store, {}, [&] { ++woken; });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) EXPECT_TRUE(journal.queue_now({.hook = "files", .payload = "p"}));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(test::run(journal.queue({.hook = "files", .payload = "p"})));
  EXPECT_EQ(store->count_notifications().value().waiting, 201U);
  EXPECT_GE(woken.load(), 1);
}

TEST(Journal, OldestGoWhenTheQueueIsFull) {
  const auto store = store::make_memory_provider();
  Journal journal(*store, {.most_waiting = 300});
  for (int i = 0; i < 1001; ++i) ASSERT_TRUE(journal.queue_now({.hook = "files", .payload = std::to_string(i)}));
  journal.stop();
  const auto count = store->count_notifications().value();
  EXPECT_LE(count.waiting, 301U);
  EXPECT_LE(count.dead, 300U);
  EXPECT_EQ(store->notifications(false, 0, 1000).value().back().payload, "1000") << "the newest is there";
}

TEST(Journal, TakesNothingAfterItsEnd) {
  const auto store = store::make_memory_provider();
  Journal journal(*store, {});
  journal.stop();
  EXPECT_EQ(journal.queue_now({.hook = "files"}).error().code, ErrorCode::aborted);
  EXPECT_EQ(test::run(journal.queue({.hook = "files"})).error().code, ErrorCode::aborted);
  EXPECT_EQ(store->count_notifications().value().waiting, 0U);
}

}  // namespace
}  // namespace ferry::events
