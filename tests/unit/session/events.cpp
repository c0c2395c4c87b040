// What sessions tell of their files, and what hooks may decide.
#include <algorithm>

#include "events/message.h"
#include "store/memory/memory_provider.h"
#include "tests/unit/session/support.h"

namespace ferry::session {
namespace {

using events::HookAnswer, events::HookRequest;
using model::FileAction, model::FileEvent;

class Told : public SessionTest {
 protected:
  void SetUp() override {
    SessionTest::SetUp();
    user.role = "role";
    model::Role role;
    role.name = "role";
    ASSERT_TRUE(store_->add_role(role));
    ASSERT_TRUE(store_->add_user(user));
    ledger = std::make_shared<quota::Ledger>(*store_, quota::Options{});
  }
  void TearDown() override {
    session.reset();
    events.reset();
  }

  void listen(std::vector<std::string> on, std::vector<std::string> sync = {}) {
    events::StreamOptions options{.files = {"/hook", std::move(on)}, .synchronous = std::move(sync)};
    events = events::Stream::make(
                 std::move(options), [this](HookRequest request) { return hook(std::move(request)); }, journal_)
                 .value();
  }
  Task<Result<HookAnswer>> hook(HookRequest request) {
    asked_.push_back(std::move(request));
    co_return HookAnswer{.status = refuse_ ? 1 : 0, .ok = !refuse_};
  }
  std::string asked(std::size_t index, const std::string& variable) {
    for (const auto& [name, value] : asked_.at(index).environment) {
      if (name == variable) return value;
    }
    return "?";
  }
  // What waits for the hook, taken away.
  std::vector<FileEvent> told() {
    std::vector<FileEvent> list;
    std::vector<std::int64_t> ids;
    const auto waiting = store_->notifications(false, 0, 100);
    for (const auto& one : waiting.value()) {
      list.push_back(events::file_event_of(one.payload).value());
      ids.push_back(one.id);
    }
    EXPECT_TRUE(store_->settle(ids, {}));
    return list;
  }

  std::unique_ptr<store::Provider> store_ = store::make_memory_provider();
  std::shared_ptr<events::Journal> journal_ =
      std::make_shared<events::Journal>(*store_, events::JournalOptions{}, std::function<void()>());
  bool refuse_ = false;
  std::vector<HookRequest> asked_;
};

TEST_F(Told, EveryOperation) {
  listen({"download", "upload", "first-upload", "first-download", "delete", "rename", "mkdir", "rmdir", "copy",
          "ssh_cmd"});
  login();
  ASSERT_TRUE(put("/a", "12345"));
  auto list = told();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[1].action, FileAction::first_upload);
  const FileEvent& upload = list[0];
  EXPECT_EQ(upload.action, FileAction::upload);
  EXPECT_EQ(upload.username, "alice");
  EXPECT_EQ(upload.role, "role");
  EXPECT_EQ(upload.path, real("a"));
  EXPECT_EQ(upload.virtual_path, "/a");
  EXPECT_EQ(upload.file_size, 5);
  EXPECT_EQ(upload.status, FileEvent::ok);
  EXPECT_EQ(upload.protocol, "SFTP");
  EXPECT_EQ(upload.ip, "127.0.0.1");
  EXPECT_EQ(upload.session_id, "SFTP_1");
  EXPECT_GT(upload.timestamp, 1'700'000'000'000'000'000);

  EXPECT_EQ(get("/a").value(), "12345");
  ASSERT_TRUE(put("/a", "1"));
  list = told();
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].action, FileAction::download);
  EXPECT_EQ(list[0].file_size, 5);
  EXPECT_EQ(list[1].action, FileAction::first_download);
  EXPECT_EQ(list[2].action, FileAction::upload);

  EXPECT_TRUE(test::run(session->make_directory(at("/d"), 0777)));
  EXPECT_TRUE(test::run(session->copy(at("/a"), at("/d/b"), false)));
  EXPECT_TRUE(test::run(session->rename(at("/d/b"), at("/d/c"), false)));
  EXPECT_TRUE(test::run(session->remove_file(at("/d/c"))));
  EXPECT_TRUE(test::run(session->remove_directory(at("/d"))));
  EXPECT_TRUE(test::run(session->command_ended("sftpgo-copy", {at("/a"), at("/z")}, false)));
  EXPECT_TRUE(test::run(session->command_ended("pwd", {}, true)));
  EXPECT_FALSE(test::run(session->remove_file(at("/none")))) << "what fails is not told";
  list = told();
  const FileAction expected[] = {
      FileAction::make_directory,   FileAction::copy,        FileAction::rename,     FileAction::remove,
      FileAction::remove_directory, FileAction::ssh_command, FileAction::ssh_command};
  ASSERT_EQ(list.size(), std::size(expected));
  for (std::size_t i = 0; i < list.size(); ++i) EXPECT_EQ(list[i].action, expected[i]) << i;
  EXPECT_EQ(list[1].virtual_target_path, "/d/b");
  EXPECT_EQ(list[1].target_path, real("d/b"));
  EXPECT_EQ(list[1].file_size, 1);
  EXPECT_EQ(list[2].virtual_path, "/d/b");
  EXPECT_EQ(list[2].virtual_target_path, "/d/c");
  EXPECT_EQ(list[3].file_size, 1);
  EXPECT_EQ(list[5].ssh_cmd, "sftpgo-copy");
  EXPECT_EQ(list[5].status, FileEvent::failed);
  EXPECT_EQ(list[5].virtual_path, "/a");
  EXPECT_EQ(list[5].virtual_target_path, "/z");
  EXPECT_EQ(list[6].path, "");
  EXPECT_EQ(list[6].virtual_path, "");
  EXPECT_TRUE(asked_.empty()) << "nobody was waited for";
}

TEST_F(Told, OnlyWhatIsWanted) {
  listen({"rename"});
  login();
  ASSERT_TRUE(put("/a", "1"));
  EXPECT_TRUE(told().empty());
  EXPECT_EQ(store_->user("alice").value()->first_upload > 0, true) << "the account knows it all the same";
  EXPECT_EQ(store_->user("alice").value()->first_download, 0);
}

TEST_F(Told, UploadThatIsCutSaysWhatIsLeft) {
  for (const UploadMode mode : {UploadMode::standard, UploadMode::atomic, UploadMode::atomic_with_resume}) {
    options.upload_mode = mode;
    listen({"upload"});
    login();
    auto file = test::run(session->open(at("/cut"), for_upload)).value();
    ASSERT_TRUE(write(*file, 0, "1234567"));
    test::run(file->abandon({ErrorCode::connection_lost, "cut"}));
    const auto list = told();
    ASSERT_EQ(list.size(), 1U);
    EXPECT_EQ(list[0].status, FileEvent::failed);
    EXPECT_EQ(list[0].file_size, mode == UploadMode::atomic ? 0 : 7);
    std::filesystem::remove(real("cut"));
  }
}

TEST_F(Told, HookDecidesBefore) {
  listen({"pre-upload", "pre-download", "pre-delete", "delete"});
  login();
  ASSERT_TRUE(put("/a", "123"));
  EXPECT_EQ(asked(0, "SFTPGO_ACTION"), "pre-upload");
  EXPECT_EQ(std::stoi(asked(0, "SFTPGO_ACTION_OPEN_FLAGS")) & 512, 512);
  refuse_ = true;
  EXPECT_EQ(code_of(put("/a", "")), ErrorCode::permission_denied);
  EXPECT_EQ(asked(1, "SFTPGO_ACTION_FILE_SIZE"), "3");
  EXPECT_EQ(code_of(get("/a")), ErrorCode::permission_denied);
  EXPECT_EQ(code_of(test::run(session->remove_file(at("/a")))), ErrorCode::permission_denied);
  EXPECT_TRUE(told().empty());
  refuse_ = false;
  EXPECT_EQ(get("/a").value(), "123");
  EXPECT_TRUE(test::run(session->remove_file(at("/a"))));
  EXPECT_EQ(told().size(), 1U);
}

TEST_F(Told, ProgramsThatWouldNotAskAreRefused) {
  struct Case {
    std::vector<std::string> on, synchronous;
    bool reads, moves, stores;
  };
  for (const Case& one :
       {Case{{"pre-upload"}, {}, true, true, false}, Case{{"pre-delete"}, {}, true, false, false},
        Case{{"pre-download"}, {}, false, false, true}, Case{{"upload"}, {"upload"}, true, true, false},
        Case{{"download"}, {"download"}, false, false, true}, Case{{"upload", "download"}, {}, true, true, true}}) {
    listen(one.on, one.synchronous);
    login();
    EXPECT_EQ(session->begin_flow(at("/f"), FlowUse::read).has_value(), one.reads) << one.on[0];
    EXPECT_EQ(session->begin_flow(at("/f"), FlowUse::moved).has_value(), one.moves) << one.on[0];
    EXPECT_EQ(session->begin_flow(at("/f"), FlowUse::stored).has_value(), one.stores) << one.on[0];
    EXPECT_TRUE(session->begin_flow(at("/f"), FlowUse::digested)) << one.on[0];
  }
}

TEST_F(Told, RefusedUploadIsTakenBack) {
  user.quota_files = 10;
  for (const UploadMode mode : {UploadMode::standard, UploadMode::atomic}) {
    options.upload_mode = mode;
    listen({"upload", "first-upload"}, {"upload"});
    login();
    refuse_ = true;
    EXPECT_FALSE(put("/a", "123"));
    EXPECT_FALSE(std::filesystem::exists(real("a")));
    EXPECT_EQ(store_->user_quota("alice").value(), store::QuotaUsage{});
    EXPECT_TRUE(told().empty()) << "it was no first upload";
    refuse_ = false;
    EXPECT_TRUE(put("/b", "123"));
    EXPECT_EQ(store_->user_quota("alice").value().files, 1);
    ASSERT_TRUE(test::run(session->remove_file(at("/b"))));
    told();
  }
}

TEST_F(Told, WhatCannotBeQueuedIsNoSuccess) {
  listen({"upload", "mkdir"});
  login();
  journal_->stop();
  EXPECT_FALSE(put("/a", "123"));
  EXPECT_TRUE(std::filesystem::exists(real("a"))) << "only a hook's no takes it back";
  EXPECT_FALSE(test::run(session->make_directory(at("/d"), 0777)));
}

}  // namespace
}  // namespace ferry::session
