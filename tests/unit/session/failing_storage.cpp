// Storage that fails at every call in turn, under uploads, copies, renames and moves: nothing broken is seen under its
// final name, nothing is lost, what stays hidden is what a leftover scan knows, and the quota counts what is there.
#include "tests/support/failing_storage.h"

#include <chrono>
#include <thread>

#include "session/partial_name.h"
#include "tests/support/memory_storage.h"
#include "tests/unit/session/quota_support.h"
#include "vfs/confirmed.h"

namespace ferry::session {
namespace {

using test::run;

enum class Kind : std::uint8_t { local, by_path, object_store, in_order };

const std::string old_text(400, 'o'), new_text = std::string(300, 'a') + std::string(700, 'z');

vfs::Capabilities capabilities_of(Kind kind, vfs::Capabilities own) {
  if (kind == Kind::object_store) return test::of_an_object_store();
  if (kind == Kind::by_path) own.held_directories = false;
  if (kind == Kind::in_order) {
    own = test::of_an_object_store();
    own.published_at_close = false;
    own.atomic_rename = own.directory_rename = true;
    own.copy = false;
  }
  return own;
}

// An account with a quota, and a folder with one of its own, on storages of one kind.
class World : public QuotaTest {
 public:
  World(Kind kind, UploadMode mode) : kind_(kind) {
    options.upload_mode = mode;
    options.rename_mode = 1;
    storages = [this](const StorageRequest& request) { return storage_at(request); };
    QuotaTest::SetUp();
    user.quota_size = 100'000;
    user.virtual_folders[0].quota_size = 100'000;
    login();
  }
  ~World() override { QuotaTest::TearDown(); }
  void TestBody() override {}
  using QuotaTest::session;
  Result<void> upload(const char* path, const std::string& text) {
    auto file = run(session->open(at(path), for_upload));
    if (!file) return fail(file.error());
    Result<void> written = write_in(**file, text);
    const Result<void> closed = run((*file)->close());
    return written ? closed : written;
  }
  Result<void> write_in(OpenFile& file, const std::string& text) {
    for (std::size_t done = 0; done < text.size(); done += 300) {
      const Result<void> written = write(file, done, std::string_view(text).substr(done, 300));
      if (!written) return written;
    }
    return {};
  }

  // What the storage holds by path, without failures; hidden names too.
  std::map<std::string, std::string> contents(const std::string& root) {
    std::map<std::string, std::string> found;
    if (const auto memory = memories_.find(root); memory != memories_.end()) {
      for (const auto& [path, object] : memory->second->state.objects) found[path] = object.content;
      return found;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (entry.is_regular_file()) found[entry.path().string().substr(root.size())] = test::read_file(entry.path());
    }
    return found;
  }
  // Somebody else's upload into the home, on storage that is kept in memory.
  void put_behind(const std::string& path, const std::string& text) {
    memories_.at(user.home_dir)->state.objects[path] = {text, {}};
  }
  std::map<std::string, std::string> home() { return contents(user.home_dir); }
  std::map<std::string, std::string> folder() { return contents(base / "own"); }

  static bool hidden(const std::string& path) { return has_partial_name(VirtualPath::parse(path).value()); }
  static quota::Usage visible(const std::map<std::string, std::string>& files) {
    quota::Usage usage;
    for (const auto& [path, content] : files) {
      if (hidden(path)) continue;
      usage.files += 1;
      usage.size += static_cast<std::int64_t>(content.size());
    }
    return usage;
  }
  void expect_counted() {
    EXPECT_EQ(stored(), visible(home()));
    EXPECT_EQ(stored_in("own"), visible(folder()));
    for (const auto& [root, memory] : memories_) EXPECT_EQ(memory->state.open_uploads, 0U);
  }
  std::size_t count_hidden() {
    std::size_t count = 0;
    for (const auto& files : {home(), folder()}) {
      for (const auto& [path, content] : files) count += hidden(path) ? 1 : 0;
    }
    return count;
  }
  // What is removed when nobody waits for it goes on the pool.
  void expect_tidy() {
    if (faults->failed == "remove_file" || faults->failed == "remove_directory" || faults->failed == "lstat" ||
        faults->failed == "next" || faults->failed == "open_directory") {
      return;
    }
    for (int i = 0; i < 400 && count_hidden() > 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(count_hidden(), 0U);
  }

  std::shared_ptr<test::Faults> faults = std::make_shared<test::Faults>();

 private:
  Result<std::shared_ptr<vfs::FileSystem>> storage_at(const StorageRequest& request) {
    std::shared_ptr<vfs::FileSystem> inner;
    if (kind_ == Kind::local || kind_ == Kind::by_path) {
      Result<std::shared_ptr<vfs::FileSystem>> local = open_storage(request);
      if (!local) return local;
      inner = *local;
    } else {
      std::shared_ptr<test::MemoryStorage>& memory = memories_[request.path];
      if (!memory) memory = std::make_shared<test::MemoryStorage>(capabilities_of(kind_, {}));
      inner = memory;
    }
    const vfs::Capabilities can = capabilities_of(kind_, inner->capabilities());
    auto failing = std::make_shared<test::FailingStorage>(std::move(inner), faults, can);
    // As the server does it for storage on other machines.
    if (kind_ == Kind::local) return failing;
    return std::make_shared<vfs::ConfirmedFileSystem>(std::move(failing));
  }

  Kind kind_;
  std::map<std::string, std::shared_ptr<test::MemoryStorage>> memories_;
};

struct Case {
  Kind kind;
  UploadMode mode;
  bool answer_lost = false;  // else the call that fails does nothing
};

class FailingStorages : public testing::TestWithParam<Case> {
 protected:
  // Runs `act` in a world that `prepare` has made, once for each call that it makes, and once without a failure.
  template <class Prepare, class Act, class Check>
  void each_failure(Prepare prepare, Act act, Check check) {
    std::size_t calls = 0;
    for (std::size_t failing = 0; failing <= calls; ++failing) {
      World world(GetParam().kind, GetParam().mode);
      prepare(world);
      world.faults->restart(failing, GetParam().answer_lost);
      const Result<void> done = act(world);
      if (failing == 0) {
        calls = world.faults->calls;
        ASSERT_TRUE(done) << done.error().message;
        ASSERT_GT(calls, 0U);
      }
      const std::string failed = world.faults->failed;
      SCOPED_TRACE("call " + std::to_string(failing) + " of " + std::to_string(calls) + ": " + failed);
      world.session.reset();
      world.faults->fail_at = 0;
      check(world, done.has_value());
      world.expect_tidy();
      world.expect_counted();
      if (HasFailure()) return;
    }
  }
  bool whole_or_nothing() const {
    return GetParam().kind == Kind::object_store || GetParam().mode == UploadMode::atomic;
  }
  // `before`: what was there; "": nothing.
  void expect_upload(const std::map<std::string, std::string>& files, bool done, const std::string& before) {
    const auto found = files.find("/f");
    const std::string now = found == files.end() ? std::string() : found->second;
    if (done) {
      EXPECT_EQ(now, new_text);
    }
    if (done || now == before || now == new_text) return;
    if (whole_or_nothing()) ADD_FAILURE() << "broken under its final name: " << now.size() << " bytes";
    EXPECT_TRUE(new_text.starts_with(now));
  }
};

TEST_P(FailingStorages, Upload) {
  each_failure([](World&) {}, [](World& world) { return world.upload("/f", new_text); },
               [this](World& world, bool done) { expect_upload(world.home(), done, ""); });
}

TEST_P(FailingStorages, Overwrite) {
  each_failure([](World& world) { ASSERT_TRUE(world.upload("/f", old_text)); },
               [](World& world) { return world.upload("/f", new_text); },
               [this](World& world, bool done) { expect_upload(world.home(), done, old_text); });
}

TEST_P(FailingStorages, TheClientLeaves) {
  each_failure([](World& world) { ASSERT_TRUE(world.upload("/f", old_text)); },
               [](World& world) {
                 auto file = run(world.session->open(at("/f"), for_upload));
                 if (!file) return Result<void>(fail(file.error()));
                 (void)world.write_in(**file, new_text.substr(0, 500));
                 run((*file)->abandon({ErrorCode::connection_lost, "test"}));
                 return Result<void>();
               },
               [this](World& world, bool) { expect_upload(world.home(), false, old_text); });
}

TEST_P(FailingStorages, Copy) {
  each_failure(
      [](World& world) {
        ASSERT_TRUE(world.upload("/g", new_text));
        ASSERT_TRUE(world.upload("/f", old_text));
      },
      [](World& world) { return run(world.session->copy(at("/g"), at("/f"), true, {})); },
      [](World& world, bool done) {
        auto files = world.home();
        EXPECT_EQ(files["/g"], new_text);
        EXPECT_TRUE(files["/f"] == new_text || (!done && files["/f"] == old_text)) << files["/f"].size();
      });
}

TEST_P(FailingStorages, CopyATree) {
  each_failure(
      [](World& world) {
        ASSERT_TRUE(run(world.session->make_directory(at("/d"), 0777)));
        ASSERT_TRUE(world.upload("/d/x", new_text));
        ASSERT_TRUE(world.upload("/d/y", old_text));
      },
      [](World& world) { return run(world.session->copy(at("/d"), at("/e"), false, {})); },
      [](World& world, bool done) {
        auto files = world.home();
        EXPECT_EQ(files["/d/x"], new_text);
        EXPECT_EQ(files["/d/y"], old_text);
        if (done) {
          EXPECT_EQ(files["/e/x"], new_text);
        }
        if (files.contains("/e/x")) {
          EXPECT_EQ(files["/e/x"], new_text);
        }
        if (files.contains("/e/y")) {
          EXPECT_EQ(files["/e/y"], old_text);
        }
      });
}

TEST_P(FailingStorages, Rename) {
  each_failure(
      [](World& world) {
        ASSERT_TRUE(world.upload("/g", new_text));
        ASSERT_TRUE(world.upload("/f", old_text));
      },
      [](World& world) { return run(world.session->rename(at("/g"), at("/f"), true, {})); },
      [](World& world, bool done) {
        auto files = world.home();
        EXPECT_EQ(done, !files.contains("/g"));
        EXPECT_EQ(files["/f"], done ? new_text : old_text);
      });
}

TEST_P(FailingStorages, RenameADirectory) {
  each_failure(
      [](World& world) {
        ASSERT_TRUE(run(world.session->make_directory(at("/d"), 0777)));
        ASSERT_TRUE(world.upload("/d/x", new_text));
        ASSERT_TRUE(world.upload("/d/y", old_text));
      },
      [](World& world) { return run(world.session->rename(at("/d"), at("/e"), false, {})); },
      [](World& world, bool done) {
        auto files = world.home();
        if (done) {
          EXPECT_EQ(files["/e/x"], new_text);
        }
        EXPECT_TRUE(files["/d/x"] == new_text || files["/e/x"] == new_text) << "lost";
        EXPECT_TRUE(files["/d/y"] == old_text || files["/e/y"] == old_text) << "lost";
      });
}

TEST_P(FailingStorages, MoveToAnotherStorage) {
  each_failure(
      [](World& world) {
        ASSERT_TRUE(world.upload("/g", new_text));
        ASSERT_TRUE(world.upload("/own/f", old_text));
      },
      [](World& world) { return run(world.session->rename(at("/g"), at("/own/f"), true, {})); },
      [](World& world, bool done) {
        auto files = world.home(), moved = world.folder();
        if (done) {
          EXPECT_EQ(moved["/f"], new_text);
        }
        EXPECT_TRUE(files["/g"] == new_text || moved["/f"] == new_text) << "lost";
        EXPECT_TRUE(moved["/f"] == new_text || moved["/f"] == old_text);
      });
}

// Such storage tells no ids, by which two names of one file would be known.
TEST(FailingStorage, RenamingAFileOntoItselfCountsNothing) {
  for (const Kind kind : {Kind::local, Kind::by_path, Kind::object_store, Kind::in_order}) {
    World world(kind, UploadMode::standard);
    ASSERT_TRUE(world.upload("/f", new_text));
    for (int i = 0; i < 3; ++i) (void)run(world.session->rename(at("/f"), at("/f"), true, {}));
    EXPECT_EQ(world.home()["/f"], new_text);
    world.session.reset();
    world.expect_counted();
  }
}

TEST(FailingStorage, UndoingACopyLeavesWhatOthersPutIntoIt) {
  World world(Kind::object_store, UploadMode::standard);
  ASSERT_TRUE(run(world.session->make_directory(at("/d"), 0777)));
  for (const char* name : {"/d/a", "/d/b", "/d/c"}) ASSERT_TRUE(world.upload(name, new_text));
  const auto give_up = [&world] {
    const bool half = world.home().contains("/e/b");
    if (half) world.put_behind("/e/others", old_text);
    if (half) world.put_behind("/e/a", old_text);
    return half;
  };
  EXPECT_FALSE(run(world.session->copy(at("/d"), at("/e"), false, give_up)));
  auto files = world.home();
  EXPECT_EQ(files["/e/others"], old_text);
  EXPECT_EQ(files["/e/a"], old_text);
  EXPECT_FALSE(files.contains("/e/b"));
}

std::string case_name(const testing::TestParamInfo<Case>& info) {
  const char* const kinds[] = {"local", "by_path", "object_store", "in_order"};
  return std::string(kinds[static_cast<int>(info.param.kind)]) + "_mode_" +
         std::to_string(static_cast<int>(info.param.mode)) + (info.param.answer_lost ? "_answer_lost" : "");
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const Kind kind : {Kind::local, Kind::by_path, Kind::object_store, Kind::in_order}) {
    for (const UploadMode mode : {UploadMode::standard, UploadMode::atomic, UploadMode::atomic_with_resume}) {
      cases.push_back({kind, mode});
      if (kind != Kind::local) cases.push_back({kind, mode, true});  // no network lies between it and the server
    }
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Storages, FailingStorages, testing::ValuesIn(all_cases()), case_name);

}  // namespace
}  // namespace ferry::session
