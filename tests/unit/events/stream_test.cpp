// The stream: who is asked, who is told, and what becomes of it when that fails.
#include "events/stream.h"

#include <gtest/gtest.h>

#include "events/message.h"
#include "store/memory/memory_provider.h"
#include "tests/support/run.h"

namespace ferry::events {
namespace {

using model::FileAction, model::FileEvent, model::ProviderEvent;

class StreamTest : public testing::Test {
 protected:
  Result<std::shared_ptr<Stream>> make(StreamOptions options) {
    return Stream::make(
        std::move(options), [this](HookRequest request) { return hook(std::move(request)); }, journal_);
  }
  Task<Result<HookAnswer>> hook(HookRequest request) {
    calls_.push_back(std::move(request));
    co_return answer_;
  }
  static FileEvent event(FileAction action) {
    FileEvent event;
    event.action = action;
    event.username = "u";
    return event;
  }
  std::vector<store::Notification> queued() { return store_->notifications(false, 0, 100).value(); }

  std::unique_ptr<store::Provider> store_ = store::make_memory_provider();
  std::shared_ptr<Journal> journal_ = std::make_shared<Journal>(*store_, JournalOptions{});
  Result<HookAnswer> answer_ = HookAnswer{.status = 0, .ok = true};
  std::vector<HookRequest> calls_;
  StreamOptions options_{.files = {"/hook", {"upload", "rename", "pre-delete", "copy"}},
                         .synchronous = {"upload", "rename", "mkdir"},
                         .objects = {"https://127.0.0.1/x", {"add"}},
                         .object_types = {"user"},
                         .retry_for = std::chrono::seconds(60)};
};

TEST_F(StreamTest, WantsWhatIsConfigured) {
  const auto stream = make(options_).value();
  EXPECT_TRUE(stream->wants(FileAction::upload));
  EXPECT_FALSE(stream->wants(FileAction::download));
  EXPECT_FALSE(stream->wants(FileAction::make_directory)) << "execute_sync alone starts nothing";
  EXPECT_TRUE(stream->wants_objects("add", "user"));
  EXPECT_FALSE(stream->wants_objects("delete", "user"));
  EXPECT_FALSE(stream->wants_objects("add", "folder"));
  EXPECT_TRUE(stream->has_hook(file_hook));
  const auto silent = make({}).value();
  EXPECT_FALSE(silent->wants(FileAction::upload));
  EXPECT_FALSE(silent->has_hook(file_hook));
  EXPECT_FALSE(silent->wants_objects("add", "user"));
  options_.files.hook.clear();
  EXPECT_FALSE(make(options_).value()->wants(FileAction::upload)) << "no hook, nobody to tell";
}

TEST_F(StreamTest, MistakesAreNamed) {
  options_.files.on = {"upload", "uplaod"};
  EXPECT_NE(make(options_).error().message.find("uplaod"), std::string::npos);
  options_.files.on = {"upload"};
  options_.files.hook = "hook.sh";
  EXPECT_NE(make(options_).error().message.find("common.actions.hook"), std::string::npos);
  options_.files.hook = "/hook";
  options_.objects.on = {"remove"};
  EXPECT_NE(make(options_).error().message.find("data_provider.actions"), std::string::npos);
}

TEST_F(StreamTest, QuestionIsDecidedByTheHook) {
  const auto stream = make(options_).value();
  EXPECT_TRUE(test::run(stream->ask(event(FileAction::pre_remove))));
  ASSERT_EQ(calls_.size(), 1U);
  EXPECT_EQ(calls_[0].where, "/hook");
  EXPECT_EQ(calls_[0].name, "fs_actions");
  answer_ = HookAnswer{.status = 1, .ok = false};
  EXPECT_EQ(test::run(stream->ask(event(FileAction::pre_remove))).error().code, ErrorCode::permission_denied);
  for (const ErrorCode trouble : {ErrorCode::timeout, ErrorCode::connection_lost, ErrorCode::not_found}) {
    answer_ = fail(trouble);
    EXPECT_EQ(test::run(stream->ask(event(FileAction::pre_remove))).error().code, ErrorCode::permission_denied);
  }
  EXPECT_TRUE(test::run(stream->ask(event(FileAction::pre_upload)))) << "nobody wants to be asked";
  EXPECT_EQ(calls_.size(), 5U);
}

TEST_F(StreamTest, SynchronousOnesAreNotQueued) {
  const auto stream = make(options_).value();
  EXPECT_TRUE(test::run(stream->publish(event(FileAction::upload))));
  EXPECT_EQ(calls_.size(), 1U);
  answer_ = HookAnswer{.status = 3, .ok = false};
  EXPECT_FALSE(test::run(stream->publish(event(FileAction::upload)))) << "an upload may be refused";
  EXPECT_TRUE(test::run(stream->publish(event(FileAction::rename)))) << "what else has happened cannot";
  EXPECT_TRUE(queued().empty());
}

TEST_F(StreamTest, OthersWaitInTheOutbox) {
  const auto stream = make(options_).value();
  EXPECT_TRUE(test::run(stream->publish(event(FileAction::copy))));
  stream->publish(ProviderEvent{.action = "add", .object_type = "user", .object_name = "n", .object_data = "{}"});
  stream->publish(ProviderEvent{.action = "add", .object_type = "folder", .object_name = "n", .object_data = "{}"});
  EXPECT_TRUE(calls_.empty());
  const auto waiting = queued();
  ASSERT_EQ(waiting.size(), 2U);
  EXPECT_EQ(waiting[0].hook, file_hook);
  EXPECT_EQ(waiting[0].action, "copy");
  EXPECT_EQ(waiting[0].expires_at - waiting[0].created_at, 60'000);
  EXPECT_EQ(waiting[1].hook, provider_hook);

  EXPECT_EQ(test::run(stream->deliver(waiting[0])).delivery, Delivery::done);
  EXPECT_EQ(calls_[0].where, "/hook");
  EXPECT_NE(calls_[0].body.find("\"copy\""), std::string::npos);
  EXPECT_FALSE(calls_[0].retried) << "the outbox has pauses of its own";
  EXPECT_EQ(test::run(stream->deliver(waiting[1])).delivery, Delivery::done);
  EXPECT_EQ(calls_[1].where, "https://127.0.0.1/x");
}

TEST_F(StreamTest, WhatCannotBeQueuedIsAnError) {
  const auto stream = make(options_).value();
  journal_->stop();
  EXPECT_FALSE(test::run(stream->publish(event(FileAction::copy))));
}

TEST_F(StreamTest, TellsRefusalsFromAbsence) {
  const auto stream = make(options_).value();
  ASSERT_TRUE(test::run(stream->publish(event(FileAction::copy))));
  store::Notification program = queued()[0];
  store::Notification url = program;
  url.hook = provider_hook;
  url.payload = to_payload(ProviderEvent{.action = "add", .object_type = "user"});
  const auto outcome = [&](const store::Notification& one, Result<HookAnswer> answer) {
    answer_ = std::move(answer);
    return test::run(stream->deliver(one)).delivery;
  };
  EXPECT_EQ(outcome(program, HookAnswer{.status = 202}), Delivery::refused) << "an exit status";
  EXPECT_EQ(outcome(url, HookAnswer{.status = 202}), Delivery::done);
  EXPECT_EQ(outcome(url, HookAnswer{.status = 500}), Delivery::refused);
  EXPECT_EQ(outcome(url, HookAnswer{.status = 404}), Delivery::refused);
  EXPECT_EQ(outcome(url, HookAnswer{.status = 503}), Delivery::unreachable);
  EXPECT_EQ(outcome(url, fail(ErrorCode::connection_lost)), Delivery::unreachable);
  EXPECT_EQ(outcome(program, fail(ErrorCode::timeout)), Delivery::unreachable);
  EXPECT_EQ(outcome(program, fail(ErrorCode::not_found)), Delivery::unreachable);
  EXPECT_EQ(outcome(program, fail(ErrorCode::invalid_argument)), Delivery::refused);
  program.payload = "nonsense";
  EXPECT_EQ(outcome(program, HookAnswer{.ok = true}), Delivery::refused);
}

}  // namespace
}  // namespace ferry::events
