// The outbox, as every engine has to keep it.
#include "tests/conformance/store/provider_suite.h"

namespace ferry::store {
namespace {

constexpr std::int64_t far = 1'000'000;  // a horizon that nothing here reaches

using Texts = std::vector<std::string>;

struct Queue {
  Provider& store;

  static Notification note(std::string payload, std::string hook = "files") {
    return {
        .hook = std::move(hook), .action = "upload", .payload = std::move(payload), .created_at = 5, .expires_at = 100};
  }
  void queue(std::vector<Notification> fresh) { ASSERT_TRUE(store.queue(fresh)); }
  std::vector<Notification> due(std::int64_t now = 10, std::size_t limit = 10, const char* hook = "files") {
    return store.due(hook, now, far, limit).value();
  }
  std::vector<Notification> dead() { return store.notifications(true, 0, 100).value(); }
  static Texts payloads(const std::vector<Notification>& list) {
    Texts texts;
    for (const Notification& one : list) texts.push_back(one.payload);
    return texts;
  }
  void kill(Notification one) {
    one.dead = true;
    one.last_error = "gone";
    ASSERT_TRUE(store.settle({}, std::vector{one}));
  }
};

TEST_P(ProviderTest, OutboxKeepsTheOrderOfEachHook) {
  Queue q{*store_};
  q.queue({Queue::note("a"), Queue::note("other", "objects"), Queue::note("b")});
  q.queue({Queue::note("c")});
  const auto first = q.due();
  EXPECT_EQ(Queue::payloads(first), (Texts{"a", "b", "c"}));
  EXPECT_LT(first[0].id, first[1].id);
  EXPECT_EQ(first[0].hook, "files");
  EXPECT_EQ(first[0].action, "upload");
  EXPECT_EQ(first[0].created_at, 5);
  EXPECT_EQ(first[0].expires_at, 100);
  EXPECT_EQ(first[0].attempts, 0);
  EXPECT_FALSE(first[0].dead);
  EXPECT_EQ(Queue::payloads(q.due(10, 2)), (Texts{"a", "b"}));
  EXPECT_EQ(Queue::payloads(q.due(10, 10, "objects")), Texts{"other"});
  EXPECT_TRUE(q.due(10, 10, "nobody").empty());
}

TEST_P(ProviderTest, OutboxWhatWasDeliveredIsForgotten) {
  Queue q{*store_};
  q.queue({Queue::note("a"), Queue::note("b"), Queue::note("c")});
  const auto all = q.due();
  ASSERT_TRUE(store_->settle(std::vector{all[0].id, all[2].id, std::int64_t{12345}}, {}));
  EXPECT_EQ(Queue::payloads(q.due()), Texts{"b"});
  EXPECT_EQ(store_->count_notifications().value(), (OutboxCount{.waiting = 1, .dead = 0}));
  q.queue({Queue::note("d")});
  EXPECT_GT(q.due()[1].id, all[2].id) << "an id is never given twice";
}

TEST_P(ProviderTest, OutboxOneThatWaitsAloneIsDueInItsTime) {
  Queue q{*store_};
  q.queue({Queue::note("a"), Queue::note("b")});
  Notification first = q.due()[0];
  first.attempts = 3;
  first.next_attempt = 50;
  first.last_error = "no";
  ASSERT_TRUE(store_->settle({}, std::vector{first}));
  EXPECT_EQ(Queue::payloads(q.due(49)), Texts{"b"});
  const auto later = q.due(50);
  EXPECT_EQ(Queue::payloads(later), (Texts{"a", "b"}));
  EXPECT_EQ(later[0].attempts, 3);
  EXPECT_EQ(later[0].last_error, "no");
  // The clock was set back: nobody waits for it to come round again.
  EXPECT_EQ(Queue::payloads(store_->due("files", 1, 20, 10).value()), (Texts{"a", "b"}));
}

TEST_P(ProviderTest, OutboxDeadLettersAreListedReplayedAndDiscarded) {
  Queue q{*store_};
  q.queue({Queue::note("a"), Queue::note("b"), Queue::note("c")});
  for (const Notification& one : q.due()) q.kill(one);
  EXPECT_TRUE(q.due().empty());
  EXPECT_EQ(store_->count_notifications().value(), (OutboxCount{.waiting = 0, .dead = 3}));
  const auto letters = q.dead();
  EXPECT_EQ(Queue::payloads(letters), (Texts{"a", "b", "c"}));
  EXPECT_TRUE(letters[0].dead);
  EXPECT_EQ(letters[0].last_error, "gone");
  EXPECT_EQ(Queue::payloads(store_->notifications(true, letters[0].id, 1).value()), Texts{"b"});

  EXPECT_EQ(store_->replay(letters[1].id, 777).value(), 1U);
  const auto again = q.due();
  EXPECT_EQ(Queue::payloads(again), Texts{"b"});
  EXPECT_EQ(again[0].expires_at, 777);
  EXPECT_EQ(again[0].attempts, 0);
  EXPECT_EQ(again[0].last_error, "");
  EXPECT_EQ(store_->replay(letters[1].id, 1).error().code, ErrorCode::not_found) << "it is not dead any more";

  EXPECT_EQ(store_->discard(letters[0].id).value(), 1U);
  EXPECT_EQ(store_->discard(letters[0].id).error().code, ErrorCode::not_found);
  EXPECT_EQ(store_->discard(again[0].id).error().code, ErrorCode::not_found) << "only the dead are discarded";
  EXPECT_EQ(store_->replay(0, 5).value(), 1U);
  EXPECT_EQ(Queue::payloads(q.due()), (Texts{"b", "c"}));
  EXPECT_EQ(store_->discard(0).value(), 0U);
}

TEST_P(ProviderTest, OutboxThoseWhoseTimeIsOverExpireTogether) {
  Queue q{*store_};
  Notification longer = Queue::note("b");
  longer.expires_at = 200;
  q.queue({Queue::note("a"), longer, Queue::note("c", "objects")});
  EXPECT_EQ(store_->expire("files", 99, "late").value(), 0U);
  EXPECT_EQ(store_->expire("files", 100, "late").value(), 1U);
  EXPECT_EQ(Queue::payloads(q.due()), Texts{"b"});
  EXPECT_EQ(Queue::payloads(q.dead()), Texts{"a"});
  EXPECT_EQ(q.dead()[0].last_error, "late");
}

TEST_P(ProviderTest, OutboxLengthIsBounded) {
  Queue q{*store_};
  std::vector<Notification> many;
  for (int i = 0; i < 12; ++i) many.push_back(Queue::note(std::to_string(i)));
  q.queue(many);
  const auto untouched = store_->trim(12).value();
  EXPECT_EQ(untouched.died + untouched.dropped, 0U);
  const auto trimmed = store_->trim(4).value();
  EXPECT_EQ(trimmed.died, 8U);
  EXPECT_EQ(trimmed.dropped, 4U) << "of the dead the oldest go";
  EXPECT_EQ(Queue::payloads(q.due(10, 100)), (Texts{"8", "9", "10", "11"}));
  EXPECT_EQ(Queue::payloads(q.dead()), (Texts{"4", "5", "6", "7"}));
  EXPECT_EQ(q.dead()[0].last_error, "the queue is full");
}

TEST_P(ProviderTest, NotesTheFirstTransferOnce) {
  ASSERT_TRUE(store_->add_user(test_user("u"), Origin::client));
  EXPECT_TRUE(store_->note_first_transfer("u", true, 11).value());
  EXPECT_FALSE(store_->note_first_transfer("u", true, 12).value());
  EXPECT_TRUE(store_->note_first_transfer("u", false, 13).value());
  EXPECT_EQ(store_->user("u").value()->first_upload, 11);
  EXPECT_EQ(store_->user("u").value()->first_download, 13);
  EXPECT_EQ(store_->note_first_transfer("v", true, 1).error().code, ErrorCode::not_found);
}

}  // namespace

}  // namespace ferry::store
