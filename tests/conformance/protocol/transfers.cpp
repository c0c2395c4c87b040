// What arrives is what was sent, and what was broken off never passes for complete.
#include <sys/resource.h>

#include <csignal>

#include "events/message.h"
#include "tests/conformance/protocol/suite.h"

namespace ferry::conformance {
namespace {

using model::FileEvent;

class Journal {
 public:
  explicit Journal(store::Provider& provider) : provider_(provider) {}
  std::shared_ptr<events::Stream> stream() {
    events::StreamOptions options{.files = {"/hook", {"upload"}}};
    return events::Stream::make(
               std::move(options),
               [](events::HookRequest) -> Task<Result<events::HookAnswer>> {
                 co_return events::HookAnswer{.ok = true};
               },
               journal_)
        .value();
  }
  // What was told since the last call.
  std::vector<FileEvent> told() {
    std::vector<FileEvent> list;
    std::vector<std::int64_t> ids;
    const auto waiting = provider_.notifications(false, 0, 100);
    for (const auto& one : waiting.value()) {
      list.push_back(events::file_event_of(one.payload).value());
      ids.push_back(one.id);
    }
    EXPECT_TRUE(provider_.settle(ids, {}));
    return list;
  }

 private:
  store::Provider& provider_;
  std::shared_ptr<events::Journal> journal_ =
      std::make_shared<events::Journal>(provider_, events::JournalOptions{}, std::function<void()>());
};

// Files may not grow beyond `size` while it lives, as if the disk were full then.
class FullDisk {
 public:
  explicit FullDisk(rlim_t size) : signal_(std::signal(SIGXFSZ, SIG_IGN)) {
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
    const rlimit small{.rlim_cur = size, .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, signal_);
  }

 private:
  sighandler_t signal_;
  rlimit before_{};
};

TEST_P(ProtocolTest, BytesAreTheSameUpAndDown) {
  for (const UploadMode mode : upload_modes) {
    log_in(mode);
    for (const std::size_t size : {0U, 1U, 32767U, 32768U, 300000U}) {
      const std::string bytes = bytes_of(size);
      ASSERT_EQ(up("/f", bytes), Outcome::done) << size;
      EXPECT_TRUE(on_disk_at("f") == bytes) << size;
      const auto [outcome, read] = down("/f");
      EXPECT_EQ(outcome, Outcome::done) << size;
      EXPECT_TRUE(read == bytes) << size << ": " << read.size();
      expect_true();
      discard("/f");
    }
  }
}

TEST_P(ProtocolTest, AShorterFileReplacesALongerOneWholly) {
  for (const UploadMode mode : upload_modes) {
    log_in(mode);
    ASSERT_EQ(up("/f", bytes_of(100'000)), Outcome::done);
    ASSERT_EQ(up("/f", "short"), Outcome::done);
    EXPECT_EQ(on_disk_at("f"), "short");
    EXPECT_EQ(names_in(user.home_dir), std::vector<std::string>{"f"});
    expect_true();
  }
}

TEST_P(ProtocolTest, WhatIsNotThereIsNotThere) {
  EXPECT_EQ(down("/none").first, Outcome::no_such_file);
  EXPECT_EQ(up("/none/f", "x"), Outcome::no_such_file);
  ASSERT_EQ(up("/f", "x"), Outcome::done);
  EXPECT_EQ(down("/own").first, Outcome::failure) << "a directory";
  EXPECT_NE(up("/f/under", "x"), Outcome::done) << "through a file";
  EXPECT_EQ(on_disk_at("f"), "x");
}

// As docs say of `upload_mode`: in 1 nothing of a broken upload stays, and the old file does; in 0 and 2 what arrived
// stays. All tenths of the data, and all of it without the word that this was the end.
TEST_P(ProtocolTest, ABrokenUploadLeavesWhatItsModeSays) {
  Journal journal(*provider);
  events = journal.stream();
  const std::string bytes = bytes_of(100'000);
  for (const UploadMode mode : upload_modes) {
    log_in(mode);
    for (std::size_t tenths = 0; tenths <= 10; ++tenths) {
      for (const bool over_old : {false, true}) {
        SCOPED_TRACE(testing::Message() << "mode " << static_cast<int>(mode) << ", tenths " << tenths << over_old);
        const std::string name = "f" + std::to_string(tenths) + (over_old ? "old" : "new");
        if (over_old) {
          ASSERT_EQ(up("/" + name, "old"), Outcome::done);
        }
        journal.told();
        const std::size_t cut_after = bytes.size() / 10 * tenths;
        EXPECT_NE(up("/" + name, bytes, cut_after), Outcome::done);
        const std::vector<FileEvent> told = journal.told();
        ASSERT_EQ(told.size(), 1U);
        EXPECT_EQ(told[0].status, FileEvent::failed);
        EXPECT_EQ(told[0].virtual_path, "/" + name);
        const std::string line = last_line_of("Upload");
        EXPECT_NE(line.find(R"("level":"error")"), std::string::npos) << line;
        EXPECT_NE(line.find("/" + name + '"'), std::string::npos) << line;
        const std::string left = on_disk_at(name);
        if (mode == UploadMode::atomic) {
          EXPECT_EQ(std::filesystem::exists(real(name)), over_old);
          EXPECT_TRUE(left == (over_old ? "old" : "")) << left.size();
        } else {
          EXPECT_TRUE(bytes.starts_with(left) && left.size() <= cut_after) << left.size();
          if (tenths == 10) {
            EXPECT_EQ(left.size(), bytes.size());
          }
        }
        expect_true();
      }
    }
    for (const std::string& name : names_in(user.home_dir)) {
      EXPECT_FALSE(name.starts_with(".")) << name;
    }
    for (const std::string& name : names_in(user.home_dir)) {
      if (name != "own" && name != "included") discard("/" + name);
    }
    expect_true();
  }
}

TEST_P(ProtocolTest, ABrokenUploadIsTakenUp) {
  if (!able().resumes) GTEST_SKIP() << "cannot resume";
  const std::string bytes = bytes_of(100'000);
  for (const UploadMode mode : {UploadMode::standard, UploadMode::atomic_with_resume}) {
    log_in(mode);
    EXPECT_NE(up("/f", bytes, 70'000), Outcome::done);
    const std::size_t left = on_disk_at("f").size();
    ASSERT_GT(left, 0U);
    EXPECT_EQ(protocol().resume(*session, "/f", left, std::string_view(bytes).substr(left)), Outcome::done);
    EXPECT_TRUE(on_disk_at("f") == bytes);
    expect_true();
  }
}

TEST_P(ProtocolTest, AFullDiskIsToldAsAFailure) {
  Journal journal(*provider);
  events = journal.stream();
  const std::string bytes = bytes_of(100'000);
  for (const UploadMode mode : upload_modes) {
    SCOPED_TRACE(static_cast<int>(mode));
    log_in(mode);
    Outcome outcome = Outcome::done;
    {
      const FullDisk full(50'000);
      outcome = up("/f", bytes);
    }
    EXPECT_EQ(outcome, Outcome::failure);
    const std::vector<FileEvent> told = journal.told();
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].status, FileEvent::failed);
    EXPECT_EQ(names_in(user.home_dir).size(), mode == UploadMode::atomic ? 0U : 1U);
    EXPECT_TRUE(bytes.starts_with(on_disk_at("f")));
    EXPECT_LE(on_disk_at("f").size(), 50'000U);
    expect_true();
    if (mode != UploadMode::atomic) discard("/f");
  }
}

}  // namespace
}  // namespace ferry::conformance
