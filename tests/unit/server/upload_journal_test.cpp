#include "server/upload_journal.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/memory/memory_provider.h"
#include "tests/support/memory_object_store.h"
#include "tests/support/run.h"
#include "vfs/object/object_file_system.h"

namespace ferry::server {
namespace {

using namespace std::chrono_literals;
using test::run;

// The identity of a process that has ended.
std::string an_ended_process() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  int status = 0;
  ::waitpid(child, &status, 0);
  const std::string text = this_process();
  const std::size_t second = text.find('|', text.find('|') + 1);
  return text.substr(0, second + 1) + std::to_string(child) + "|1";
}

TEST(UploadJournal, KnowsWhichProcessesHaveEnded) {
  EXPECT_FALSE(has_ended(this_process(), 1000h));
  EXPECT_TRUE(has_ended(an_ended_process(), 0ms));
  const std::string own = this_process();
  EXPECT_TRUE(has_ended("another boot" + own.substr(own.find('|')), 0ms));
  // Our process id, given to another process since.
  EXPECT_TRUE(has_ended(own.substr(0, own.rfind('|')) + "|1", 0ms));
  const std::string elsewhere = own.substr(0, own.find('|')) + "|pid:[1]|1|1";
  EXPECT_FALSE(has_ended(elsewhere, 23h));
  EXPECT_TRUE(has_ended(elsewhere, 25h));
  for (const char* broken : {"", "|", "a|b|c|d", "|||"}) EXPECT_TRUE(has_ended(broken, 0ms)) << broken;
}

class LeftUploadsTest : public testing::Test {
 protected:
  LeftUploadsTest() {
    model::User user;
    user.username = "maria";
    user.home_dir = "/srv/home";
    user.permissions["/"] = {"*"};
    EXPECT_TRUE(provider->add_user(user));
  }
  Result<std::shared_ptr<vfs::FileSystem>> open(const session::StorageRequest& request) {
    EXPECT_EQ(request.account, "maria");
    if (broken) return fail(ErrorCode::io_error, "broken");
    vfs::object::ObjectOptions options;
    options.budget = std::make_shared<ByteBudget>(std::uint64_t{64} << 20);
    return vfs::object::make_object_file_system(objects, std::move(options));
  }
  // As a process leaves one that is killed.
  vfs::object::Upload leave(const std::string& key, const std::string& owner, const std::string& account = "maria",
                            const std::string& location = {}) {
    auto upload = run(objects->begin_upload(key, vfs::object::ObjectProperties{}, vfs::object::Condition{}));
    store::OpenUpload row;
    row.account = account;
    row.location = location.empty() ? objects->location(key) : location;
    row.key = key;
    row.upload = upload->id;
    row.owner = owner;
    row.started_at = store::now_ms();
    EXPECT_TRUE(provider->add_open_upload(row));
    return *upload;
  }
  std::size_t rows() { return provider->open_uploads(0, 1000)->size(); }

  const std::unique_ptr<store::Provider> provider = store::make_memory_provider();
  const std::shared_ptr<test::MemoryObjectStore> objects = std::make_shared<test::MemoryObjectStore>();
  bool broken = false;
  const std::shared_ptr<LeftUploads> left = std::make_shared<LeftUploads>(
      *provider, [this](const session::StorageRequest& request) { return open(request); });
};

TEST_F(LeftUploadsTest, RemovesWhatEndedProcessesLeft) {
  const std::string ended = an_ended_process();
  for (int i = 0; i < 250; ++i) leave(std::to_string(i), i % 2 == 0 ? ended : "");
  const auto running = leave("running", this_process());
  run(left->clean());
  EXPECT_EQ(rows(), 1U);
  EXPECT_EQ(objects->open_uploads(), 1U);
  EXPECT_TRUE(run(objects->parts(running)));
}

TEST_F(LeftUploadsTest, ForgetsWhatIsOnNoStorageAnyMore) {
  leave("nobody's", "", "zoe");
  leave("moved", "", "maria", "s3://another/moved");
  run(left->clean());
  EXPECT_EQ(rows(), 0U);
  EXPECT_EQ(objects->open_uploads(), 2U) << "the parts of others are left alone";
}

TEST_F(LeftUploadsTest, TriesAgainWhatFailed) {
  leave("f", "");
  broken = true;
  run(left->clean());
  EXPECT_EQ(rows(), 1U);
  broken = false;
  objects->fail({.call = "abort", .code = ErrorCode::permission_denied});
  run(left->clean());
  EXPECT_EQ(rows(), 1U);
  run(left->clean());
  EXPECT_EQ(rows(), 0U);
  EXPECT_EQ(objects->open_uploads(), 0U);
}

TEST_F(LeftUploadsTest, WhatIsWrittenDownIsOfThisProcess) {
  const auto journal = upload_journal(*provider, "maria", "folder");
  const vfs::object::Upload upload{.key = "k", .id = "u"};
  const auto entry = run(journal->note("memory:k", upload));
  ASSERT_TRUE(entry);
  const auto all = provider->open_uploads(0, 10);
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front().account, "maria");
  EXPECT_EQ(all->front().folder, "folder");
  EXPECT_EQ(all->front().location, "memory:k");
  EXPECT_EQ(all->front().upload, "u");
  EXPECT_EQ(all->front().owner, this_process());
  run(left->clean());
  EXPECT_EQ(rows(), 1U);
  run(journal->leave_behind(*entry));
  EXPECT_EQ(provider->open_uploads(0, 10)->front().owner, "");
  run(journal->strike_out(*entry));
  EXPECT_EQ(rows(), 0U);
}

TEST_F(LeftUploadsTest, BeginsByItself) {
  leave("f", "");
  left->tick();
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (rows() > 0 && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(2ms);
  EXPECT_EQ(rows(), 0U);
  left->stop();
}

}  // namespace
}  // namespace ferry::server
