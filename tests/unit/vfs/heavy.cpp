// Giving back the pages of a large file is not done on the event loop, not even on memory-backed storage.
#include <gtest/gtest.h>
#include <sys/vfs.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fstream>
#include <functional>
#include <latch>
#include <map>

#include "tests/support/lasting_context.h"
#include "tests/support/temp_directory.h"
#include "vfs/local/local_file_system.h"

namespace ferry::vfs {
namespace {

constexpr std::uint64_t large = 20 * 1024 * 1024, small = 1024 * 1024;

Task<bool> look(FileSystem& storage, VirtualPath path) {
  const Result<FileInfo> info = co_await storage.stat(path);
  co_return info.has_value();
}

Task<bool> alter(FileSystem& storage, VirtualPath path, AttributeChange change) {
  const Result<void> changed = co_await storage.set_attributes(path, change, true);
  co_return changed.has_value();
}

class Heavy : public testing::Test {
 protected:
  void SetUp() override {
    struct statfs facts {};
    ASSERT_EQ(::statfs("/dev/shm", &facts), 0);
    constexpr auto tmpfs = 0x01021994;
    ASSERT_EQ(facts.f_type, tmpfs) << "/dev/shm is no tmpfs here";
    auto opened = LocalFileSystem::open({.root = folder.path()});
    ASSERT_TRUE(opened);
    storage = std::move(*opened);
  }

  VirtualPath make(const std::string& name, std::uint64_t size) {
    std::ofstream(folder.path() + "/" + name) << std::string(size, 'x');
    return *VirtualPath::parse("/" + name);
  }
  std::uint64_t size_of(const std::string& name) const {
    return std::filesystem::file_size(folder.path() + "/" + name);
  }

  // Whether `work` was over before the event loop had anything else to do.
  template <class T>
  bool at_once(Task<Result<T>> work) {
    // Until it opens no thread of the pool does anything else.
    const auto gate = std::make_shared<std::latch>(1);
    for (int i = 0; i < 64; ++i) asio::post(blocking_pool(Lane::disk), [gate] { gate->wait(); });
    asio::io_context& io = test::lasting_context();
    bool done = false, succeeded = false;
    asio::co_spawn(io, std::move(work), [&](std::exception_ptr, Result<T> result) {
      done = true;
      succeeded = result.has_value();
    });
    io.poll();
    const bool now = done;
    gate->count_down();
    io.run();
    EXPECT_TRUE(succeeded);
    return now;
  }

  test::TempDirectory folder{"/dev/shm"};
  std::unique_ptr<LocalFileSystem> storage;
};

TEST_F(Heavy, Truncating) {
  const AttributeChange empty{.size = 0};
  EXPECT_TRUE(at_once(storage->set_attributes(make("a", small), empty, true)));
  EXPECT_FALSE(at_once(storage->set_attributes(make("b", large), empty, true)));
  EXPECT_EQ(size_of("a") + size_of("b"), 0U);
  EXPECT_TRUE(at_once(storage->set_attributes(make("c", large), {.size = large - small}, true)));
  EXPECT_EQ(size_of("c"), large - small);
}

TEST_F(Heavy, OpeningToReplace) {
  const OpenOptions options{.write = true, .create = true, .truncate = true};
  EXPECT_TRUE(at_once(storage->open(make("a", small), options)));
  EXPECT_FALSE(at_once(storage->open(make("b", large), options)));
  EXPECT_FALSE(at_once(storage->open(make("c", large), {.write = true, .truncate = true})));
  EXPECT_EQ(size_of("a") + size_of("b") + size_of("c"), 0U);
}

TEST_F(Heavy, Removing) {
  EXPECT_TRUE(at_once(storage->remove_file(make("a", small))));
  EXPECT_FALSE(at_once(storage->remove_file(make("b", large))));
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/b"));
}

TEST_F(Heavy, RenamingOver) {
  EXPECT_TRUE(at_once(storage->rename(make("new", small), make("a", small), true)));
  EXPECT_FALSE(at_once(storage->rename(make("new", small), make("b", large), true)));
  EXPECT_EQ(size_of("b"), small);
}

// Runs `step` again and again until something else on the same event loop has had its turn three times.
Task<void> go_on(std::function<Task<bool>()> step, const int& turns, int& steps) {
  constexpr int enough = 5'000'000;
  while (turns < 3 && steps < enough) {
    const bool done = co_await step();
    EXPECT_TRUE(done);
    if (!done) co_return;
    ++steps;
  }
}

Task<void> take_turns(int& turns) {
  while (turns < 3) {
    co_await asio::post(asio::use_awaitable);
    ++turns;
  }
}

// A loop over what memory answers must not keep the other connections of its thread waiting until it ends.
TEST_F(Heavy, ManySteps) {
  const VirtualPath path = make("a", small);
  const AttributeChange change{.mode = 0600};
  const std::map<std::string, std::function<Task<bool>()>> steps{
      {"looking", [&] { return look(*storage, path); }},
      {"changing", [&] { return alter(*storage, path, change); }},
  };
  for (const auto& [what, step] : steps) {
    asio::io_context& io = test::lasting_context();
    int turns = 0, count = 0;
    asio::co_spawn(io, go_on(step, turns, count), asio::detached);
    asio::co_spawn(io, take_turns(turns), asio::detached);
    io.run();
    EXPECT_EQ(turns, 3) << what;
    EXPECT_LT(count, 5'000'000) << what << ": others waited until all was done";
  }
}

// The last one to close a file whose name is gone gives its pages back.
TEST_F(Heavy, ClosingWhatHasNoNameAnyMore) {
  for (const std::uint64_t size : {small, large}) {
    const VirtualPath path = make("a", size);
    asio::io_context& io = test::lasting_context();
    std::unique_ptr<File> file;
    asio::co_spawn(io, storage->open(path, {.read = true}),
                   [&](std::exception_ptr, Result<std::unique_ptr<File>> opened) { file = std::move(*opened); });
    io.run();
    std::filesystem::remove(folder.path() + "/a");
    EXPECT_EQ(at_once(file->close()), size == small);
  }
}

TEST_F(Heavy, ThroughAHandle) {
  asio::io_context& io = test::lasting_context();
  std::unique_ptr<File> file;
  asio::co_spawn(io, storage->open(make("a", large), {.write = true}),
                 [&](std::exception_ptr, Result<std::unique_ptr<File>> opened) { file = std::move(*opened); });
  io.run();
  EXPECT_FALSE(at_once(file->set_attributes({.size = 0})));
  EXPECT_EQ(size_of("a"), 0U);
}

}  // namespace
}  // namespace ferry::vfs
