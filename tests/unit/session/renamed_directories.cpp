// Directories that are renamed under uploads, copies and moves: what was on its way arrives, nothing hidden stays, and
// what is counted is what is there.
#include <sys/stat.h>

#include <atomic>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "base/log.h"
#include "session/partial_name.h"
#include "tests/unit/session/quota_support.h"

namespace ferry::session {
namespace {

using test::run;
namespace fs = std::filesystem;

std::vector<std::string> hidden_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (is_partial_name(entry.path().filename().string())) names.push_back(entry.path());
  }
  return names;
}

struct Way {
  UploadMode mode;
  bool temp_path;
};

class RenamedDirectories : public QuotaTest, public testing::WithParamInterface<Way> {
 protected:
  void SetUp() override {
    options.upload_mode = GetParam().mode;
    if (GetParam().temp_path) options.temp_path = base / "staged";
    QuotaTest::SetUp();
  }
  // One run may see no move between mounts that succeeds; all of them together see everything.
  static void TearDownTestSuite() {
    if (happened_.empty()) return;
    for (const char* what : {"upload", "abandon", "rename", "move", "mkdir", "copy"}) {
      EXPECT_TRUE(happened_.contains(what)) << what;
    }
  }
  void run_all_at_once(bool counted);
  static inline std::set<std::string> happened_;
  void expect_clean() {
    EXPECT_EQ(hidden_in(base.path()), std::vector<std::string>{});
    expect_true();
  }
  // Once, when the copy has begun.
  GivenUp meanwhile(std::function<void()> change) {
    auto calls = std::make_shared<int>(0);
    return [change = std::move(change), calls] {
      if (++*calls == 2) change();
      return false;
    };
  }
};

TEST_P(RenamedDirectories, AnUploadArrives) {
  fs::create_directories(real("a/b"));
  auto fresh = start("/a/b/new"), over = start("/a/b/old");
  ASSERT_TRUE(write(*fresh, 0, text_of(100)));
  ASSERT_TRUE(write(*over, 0, text_of(20)));
  ASSERT_TRUE(run(session->rename(at("/a"), at("/c"), false)));
  ASSERT_TRUE(run(session->rename(at("/c/b"), at("/d"), false)));
  ASSERT_TRUE(run(session->make_directory(at("/a"), 0755)));
  ASSERT_TRUE(run(session->make_directory(at("/a/b"), 0755)));  // another one: it is not for that
  ASSERT_TRUE(run(fresh->close()));
  ASSERT_TRUE(run(over->close()));
  EXPECT_EQ(get("/d/new"), text_of(100));
  EXPECT_EQ(get("/d/old"), text_of(20));
  EXPECT_EQ(names_in(real("a/b")), std::vector<std::string>{});
  expect_clean();
}

TEST_P(RenamedDirectories, ABrokenUploadLeavesWhatTheModeSays) {
  fs::create_directories(real("a"));
  auto file = start("/a/f");
  ASSERT_TRUE(write(*file, 0, text_of(100)));
  ASSERT_TRUE(run(session->rename(at("/a"), at("/c"), false)));
  run(file->abandon({ErrorCode::connection_lost, "gone"}));
  EXPECT_EQ(fs::exists(real("c/f")), GetParam().mode != UploadMode::atomic);
  expect_clean();
}

TEST_P(RenamedDirectories, TheLogTellsWhereItIs) {
  if (GetParam().mode == UploadMode::standard) GTEST_SKIP() << "it is told by the name it was opened by";
  ASSERT_TRUE(log::open({.file_path = base / "ferry.log"}));
  fs::create_directories(real("a"));
  auto file = start("/a/f");
  ASSERT_TRUE(run(session->rename(at("/a"), at("/c"), false)));
  ASSERT_TRUE(run(file->close()));
  log::flush();
  const std::string lines = test::read_file(base / "ferry.log");
  ASSERT_TRUE(log::open({.file_path = "", .level = log::Level::warn}));
  EXPECT_NE(lines.find("\"file_path\":\"" + real("c/f") + "\""), std::string::npos) << lines;
}

TEST_P(RenamedDirectories, ACopyArrives) {
  fs::create_directories(real("from/deep"));
  fs::create_directories(real("a/b"));
  ASSERT_TRUE(put("/from/one", text_of(100)));
  ASSERT_TRUE(put("/from/deep/two", text_of(50)));
  ASSERT_TRUE(run(session->make_symlink("/from/one", at("/from/deep/link"))));
  const auto rename = meanwhile([&] { fs::rename(real("a"), real("c")); });
  ASSERT_TRUE(run(session->copy(at("/from"), at("/a/b/to"), false, rename)));
  EXPECT_EQ(get("/c/b/to/one"), text_of(100));
  EXPECT_EQ(get("/c/b/to/deep/two"), text_of(50));
  EXPECT_EQ(get("/c/b/to/deep/link"), text_of(100));
  expect_clean();
}

TEST_P(RenamedDirectories, ACopyThatFailsLeavesNothing) {
  fs::create_directories(real("from"));
  fs::create_directories(real("a"));
  ASSERT_TRUE(put("/from/one", text_of(100)));
  ASSERT_TRUE(put("/from/two", text_of(50)));
  int calls = 0;
  const GivenUp give_up = [&] {
    if (++calls == 3) fs::rename(real("a"), real("c"));
    return calls > 3;
  };
  EXPECT_EQ(code_of(run(session->copy(at("/from"), at("/a/to"), false, give_up))), ErrorCode::aborted);
  EXPECT_EQ(names_in(real("c")), std::vector<std::string>{});
  expect_clean();
}

TEST_P(RenamedDirectories, AMoveToAnotherStorageArrives) {
  fs::create_directories(real("up/from"));
  fs::create_directories(base / "own/a");
  ASSERT_TRUE(put("/up/from/one", text_of(100)));
  // The target's directory is renamed under it.
  const auto target = meanwhile([&] { fs::rename(base / "own/a", base / "own/c"); });
  ASSERT_TRUE(run(session->rename(at("/up/from"), at("/own/a/to"), false, target)));
  EXPECT_EQ(get("/own/c/to/one"), text_of(100));
  expect_clean();
  // And the source's: what is not there any more is not taken away, so that the copy goes.
  const auto source = meanwhile([&] { fs::rename(base / "own/c", base / "own/d"); });
  EXPECT_FALSE(run(session->rename(at("/own/c/to"), at("/up/back"), false, source)));
  EXPECT_EQ(get("/own/d/to/one"), text_of(100));
  EXPECT_FALSE(fs::exists(real("up/back")));
  expect_clean();
}

TEST_P(RenamedDirectories, AMoveDoesNotTakeAnUploadAlong) {
  fs::create_directories(real("a/b"));
  auto file = start("/a/b/f");
  ASSERT_TRUE(write(*file, 0, text_of(10)));
  EXPECT_FALSE(run(session->rename(at("/a"), at("/own/a"), false)));
  ASSERT_TRUE(write(*file, 10, text_of(10)));
  ASSERT_TRUE(run(file->close()));
  EXPECT_EQ(get("/a/b/f"), text_of(20));
  expect_clean();
  ASSERT_TRUE(run(session->rename(at("/a"), at("/own/a"), false)));
  EXPECT_EQ(get("/own/a/b/f"), text_of(20));
  expect_clean();
}

// Begun while the tree is copied, into a directory that was copied already.
TEST_P(RenamedDirectories, AnUploadStopsAMoveThatRuns) {
  fs::create_directories(real("a/b"));
  ASSERT_TRUE(put("/a/one", text_of(10)));
  std::unique_ptr<OpenFile> file;
  int calls = 0;
  const GivenUp begin = [&] {
    if (++calls == 3) std::thread([&] { file = start("/a/b/f"); }).join();
    return false;
  };
  EXPECT_FALSE(run(session->rename(at("/a"), at("/own/a"), false, begin)));
  ASSERT_TRUE(file);
  ASSERT_TRUE(write(*file, 0, text_of(10)));
  ASSERT_TRUE(run(file->close()));
  EXPECT_EQ(get("/a/b/f"), text_of(10));
  EXPECT_EQ(get("/a/one"), text_of(10));
  expect_clean();
}

TEST_P(RenamedDirectories, WhatCannotBePutBackIsSeen) {
  fs::create_directories(real("a"));
  ASSERT_TRUE(put("/a/one", text_of(10)));
  // The source changes when it was copied, and its name is taken when it is to go back.
  std::atomic<bool> over = false;
  std::thread taker;
  int calls = 0;
  const GivenUp change = [&] {
    if (++calls != 3) return false;
    test::write_file(real("a/one"), "changed");
    taker = std::thread([&] {
      while (!over && ::mkdir(real("a").c_str(), 0755) != 0) {
      }
    });
    return false;
  };
  EXPECT_FALSE(run(session->rename(at("/a"), at("/own/a"), false, change)));
  over = true;
  taker.join();
  const std::string kept = fs::exists(real("a/one")) ? "a" : "a.not-moved-1";
  EXPECT_EQ(test::read_file(real(kept + "/one")), "changed");
  EXPECT_EQ(hidden_in(base.path()), std::vector<std::string>{});
}

TEST_P(RenamedDirectories, RmdirWaitsForNoUploadAndLosesNone) {
  fs::create_directories(real("a"));
  auto file = start("/a/f");
  ASSERT_TRUE(write(*file, 0, text_of(10)));
  const bool standard = GetParam().mode == UploadMode::standard;
  EXPECT_EQ(code_of(run(session->remove_directory(at("/a")))),
            standard ? ErrorCode::directory_not_empty : ErrorCode::conflict);
  ASSERT_TRUE(run(file->close()));
  EXPECT_EQ(code_of(run(session->remove_directory(at("/a")))), ErrorCode::directory_not_empty);
  ASSERT_TRUE(run(session->remove_file(at("/a/f"))));
  EXPECT_TRUE(run(session->remove_directory(at("/a"))));
  expect_clean();
}

TEST_P(RenamedDirectories, RmdirTakesLeftoversAlong) {
  fs::create_directories(real("a/.ferry-upload.0123456789abcdef.tree/deep"));
  test::write_file(real("a/.ferry-upload.0123456789abcdef.tree/deep/f"), text_of(7));
  test::write_file(real("a/.ferry-upload.0123456789abcdef.f"), text_of(7));
  test::write_file(real("a/seen"), "x");
  EXPECT_EQ(code_of(run(session->remove_directory(at("/a")))), ErrorCode::directory_not_empty);
  EXPECT_EQ(hidden_in(real("a")).size(), 2U);
  fs::remove(real("a/seen"));
  EXPECT_TRUE(run(session->remove_directory(at("/a"))));
  EXPECT_FALSE(fs::exists(real("a")));
  expect_clean();
}

// An empty directory may be replaced by another one, unless something is on its way into it.
TEST_P(RenamedDirectories, ADirectoryThatIsWaitedInIsNotReplaced) {
  if (GetParam().mode == UploadMode::standard) GTEST_SKIP() << "it is not empty";
  fs::create_directories(real("a"));
  fs::create_directories(real("b"));
  auto file = start("/a/f");
  EXPECT_FALSE(run(session->rename(at("/b"), at("/a"), true)));
  ASSERT_TRUE(run(file->close()));
  EXPECT_TRUE(fs::exists(real("a/f")));
  expect_clean();
}

// --- all of it at once, by several sessions ---

constexpr int folders = 4;  // of each storage
constexpr int threads = 4;
constexpr int steps = 250;

class Worker {
 public:
  Worker(std::unique_ptr<Session> session, unsigned seed, int number)
      : session_(std::move(session)), dice_(seed + static_cast<unsigned>(number)), number_(number) {}

  void work() {
    for (int i = 0; i < steps; ++i) step(i);
    while (!open_.empty()) end_one();
    session_.reset();
  }
  const std::vector<std::pair<std::string, std::size_t>>& arrived() const { return arrived_; }
  const std::set<std::string>& happened() const { return happened_; }

 private:
  struct Open {
    std::unique_ptr<OpenFile> file;
    std::string name;
    std::size_t size;
  };
  std::size_t roll(std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(dice_); }
  VirtualPath directory() { return directory(roll(2) == 0); }
  VirtualPath directory(bool lower) {
    static const char* const roots[] = {"/", "/own/", "/included/"};
    std::string path = roots[roll(3)] + ("d" + std::to_string(roll(folders)));
    if (lower) path += "/e" + std::to_string(roll(2));
    return at(path);
  }
  static std::string_view root_of(const VirtualPath& path) {
    const std::string_view first = path.components()[0];
    return first == "own" || first == "included" ? first : std::string_view();
  }
  VirtualPath in(const VirtualPath& place, const std::string& name) { return at(place.text() + "/" + name); }
  void note(const char* what, bool done) {
    if (done) happened_.insert(what);
  }

  void begin() {
    // With many open uploads nearly every directory waits for one, and nothing is moved to another mount.
    if (open_.size() >= 2) end_one();
    const std::string name = "u" + std::to_string(number_) + "-" + std::to_string(++count_);
    auto file = run(session_->open(in(directory(), name), for_upload));
    if (!file) return;
    const std::string text = text_of(1 + roll(400));
    const iovec piece[] = {{const_cast<char*>(text.data()), text.size()}};
    const Result<void> written = run((*file)->write_at(0, piece));
    open_.push_back({std::move(*file), name, text.size()});
  }
  void end_one() {
    const std::size_t index = roll(open_.size());
    Open one = std::move(open_[index]);
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(index));
    if (roll(5) == 0) {
      run(one.file->abandon({ErrorCode::connection_lost, "gone"}));
      note("abandon", true);
      return;
    }
    const Result<void> closed = run(one.file->close());
    if (closed) arrived_.emplace_back(one.name, one.size);
    note("upload", closed.has_value());
  }
  void step(int i) {
    const std::string mine = std::to_string(number_) + "-" + std::to_string(i);
    const std::size_t kind = roll(10);
    switch (kind) {
      case 0:
      case 1: begin(); break;
      case 2:
      case 3:
        if (!open_.empty()) end_one();
        break;
      case 4:
      case 5: {
        const VirtualPath from = directory();
        VirtualPath to = directory();
        // Half of them stay in their mount.
        while (kind == 4 && root_of(from) != root_of(to)) to = directory();
        const bool renamed = run(session_->rename(from, to, false, {})).has_value();
        note(root_of(from) == root_of(to) ? "rename" : "move", renamed);
        break;
      }
      case 6:
      case 9: note("mkdir", run(session_->make_directory(directory(), 0755)).has_value()); break;
      case 7: {
        // Of the lower ones to the upper ones, so that copies of copies stay few.
        const VirtualPath from = directory(true), to = in(directory(false), "c" + mine);
        const bool copied = run(session_->copy(from, to, false, {})).has_value();
        note("copy", copied);
        break;
      }
      // Copies alone are removed, so that what was uploaded must be found at the end.
      case 8: note("rmdir", run(session_->remove_directory(directory())).has_value()); break;
    }
  }

  std::unique_ptr<Session> session_;
  std::mt19937 dice_;
  int number_;
  int count_ = 0;
  std::vector<Open> open_;
  std::vector<std::pair<std::string, std::size_t>> arrived_;
  std::set<std::string> happened_;
};

// More seeds: FERRY_TEST_SEED=<number>.
unsigned seed_of(UploadMode mode) {
  const char* const given = std::getenv("FERRY_TEST_SEED");
  return (given != nullptr ? static_cast<unsigned>(std::atoi(given)) : 20260131U) + static_cast<unsigned>(mode);
}

void RenamedDirectories::run_all_at_once(bool counted) {
  const unsigned seed = seed_of(GetParam().mode);
  SCOPED_TRACE("seed " + std::to_string(seed));
  user.quota_size = 0;
  user.quota_files = 100'000;
  for (model::VirtualFolder& folder : user.virtual_folders) {
    if (folder.name == "own") folder.quota_size = folder.quota_files = 0;
  }
  for (const std::string& root : {user.home_dir, base / "own", base / "included"}) {
    for (int i = 0; i < folders; ++i) fs::create_directories(root + "/d" + std::to_string(i) + "/e0");
  }
  session.reset();
  std::vector<Worker> workers;
  for (int i = 0; i < threads; ++i) {
    info.id = "SFTP_" + std::to_string(i + 10);
    workers.emplace_back(try_login().value(), seed, i);
  }
  std::vector<std::thread> running;
  for (Worker& worker : workers) running.emplace_back([&worker] { worker.work(); });
  for (std::thread& thread : running) thread.join();

  // A copy that was made while a file was written in place has fewer bytes under the same name.
  std::map<std::string, std::set<std::size_t>> found;
  for (const std::string& root : {user.home_dir, base / "own", base / "included"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      if (entry.is_regular_file()) found[entry.path().filename()].insert(entry.file_size());
    }
  }
  std::set<std::string> happened;
  std::size_t arrived = 0;
  for (const Worker& worker : workers) {
    happened.insert(worker.happened().begin(), worker.happened().end());
    for (const auto& [name, size] : worker.arrived()) {
      ++arrived;
      EXPECT_TRUE(found[name].contains(size))
          << name << " of " << size << " bytes is lost; found: " << testing::PrintToString(found[name]);
    }
  }
  EXPECT_GT(arrived, 10U);
  happened_.insert(happened.begin(), happened.end());
  EXPECT_EQ(hidden_in(base.path()), std::vector<std::string>{});
  if (counted) expect_true();
}

TEST_P(RenamedDirectories, UnderEverythingAtOnce) { run_all_at_once(true); }

// Where no quota counts, nothing else may be left out.
TEST_P(RenamedDirectories, UnderEverythingAtOnceUncounted) {
  count({.tracking = quota::Tracking::off});
  run_all_at_once(false);
}

std::string name_of_way(const testing::TestParamInfo<Way>& way) {
  const char* const names[] = {"Standard", "Atomic", "AtomicWithResume"};
  return names[static_cast<int>(way.param.mode)] + std::string(way.param.temp_path ? "InTempPath" : "");
}

INSTANTIATE_TEST_SUITE_P(Modes, RenamedDirectories,
                         testing::Values(Way{UploadMode::standard, false}, Way{UploadMode::atomic, false},
                                         Way{UploadMode::atomic_with_resume, false}, Way{UploadMode::atomic, true},
                                         Way{UploadMode::atomic_with_resume, true}),
                         name_of_way);

}  // namespace
}  // namespace ferry::session
