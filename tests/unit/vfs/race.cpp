// A thread that swaps what a path means, against every operation: nothing outside the root is read or changed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/support/run.h"
#include "tests/support/temp_directory.h"
#include "vfs/local/local_file_system.h"

namespace ferry::vfs {
namespace {

using test::run;
using namespace std::chrono_literals;

VirtualPath at(std::string_view text) { return VirtualPath::parse(text).value(); }

// Exchanges two names as fast as it can.
class Renamer {
 public:
  Renamer(std::string one, std::string other)
      : thread_([this, one = std::move(one), other = std::move(other)] {
          while (!stop_) {
            if (::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0) ++swaps_;
          }
        }) {}
  ~Renamer() {
    stop_ = true;
    thread_.join();
  }
  int swaps() const { return swaps_; }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<int> swaps_{0};
  std::thread thread_;
};

class SymlinkRace : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    for (const char* directory : {"root", "root/real", "outside"}) std::filesystem::create_directory(base / directory);
    test::write_file(base / "outside/f", "OUTSIDE");
    test::write_file(base / "root/real/f", "inside");
    ASSERT_EQ(::chmod((base / "outside/f").c_str(), 0640), 0);
    storage = LocalFileSystem::open({.root = base / "root"}).value();
    ASSERT_EQ(::stat((base / "outside").c_str(), &directory_before), 0);
    ASSERT_EQ(::stat((base / "outside/f").c_str(), &file_before), 0);
  }

  void TearDown() override {
    struct stat now {};
    ASSERT_EQ(::stat((base / "outside").c_str(), &now), 0);
    EXPECT_EQ(now.st_mtim.tv_nsec, directory_before.st_mtim.tv_nsec) << "something was made or removed outside";
    EXPECT_EQ(now.st_mode, directory_before.st_mode);
    ASSERT_EQ(::stat((base / "outside/f").c_str(), &now), 0);
    EXPECT_EQ(now.st_ctim.tv_nsec, file_before.st_ctim.tv_nsec) << "a file outside was changed";
    EXPECT_EQ(test::read_file(base / "outside/f"), "OUTSIDE");
  }

  void read_and_write(const VirtualPath& file);
  void act(const VirtualPath& directory, const VirtualPath& file);
  void keep_acting(const std::string& directory, const Renamer& renamer);

  test::TempDirectory base{GetParam()};
  std::unique_ptr<LocalFileSystem> storage;
  struct stat directory_before {
  }, file_before{};
  int successes = 0;
};

void SymlinkRace::read_and_write(const VirtualPath& file) {
  Result<std::unique_ptr<File>> reading = run(storage->open(file, {.read = true}));
  if (reading) {
    char text[16] = {};
    const Result<std::size_t> count = run((*reading)->read_at(0, std::as_writable_bytes(std::span(text))));
    ASSERT_TRUE(count);
    ASSERT_NE(std::string(text), "OUTSIDE");
    ++successes;
  }
  Result<std::unique_ptr<File>> writing = run(storage->open(file, {.write = true, .create = true, .truncate = true}));
  if (writing) {
    char text[] = "inside";
    const iovec pieces[] = {{text, 6}};
    ASSERT_TRUE(run((*writing)->write_at(0, pieces)));
    ++successes;
  }
}

void SymlinkRace::act(const VirtualPath& directory, const VirtualPath& file) {
  read_and_write(file);
  const Result<FileInfo> info = run(storage->stat(file));
  ASSERT_FALSE(info && info->mode == 0640) << "saw the file outside";
  (void)run(storage->set_attributes(file, {.mode = 0600, .times = {{{1, 0}, {1, 0}}}}, true));
  (void)run(storage->set_attributes(file, {.size = 3}, true));
  (void)run(storage->make_hard_link(file, at("/hard")));
  (void)run(storage->remove_file(at("/hard")));
  (void)run(storage->make_symlink("f", directory.child("s").value()));
  (void)run(storage->read_symlink(directory.child("s").value()));
  (void)run(storage->remove_file(directory.child("s").value()));
  (void)run(storage->make_directory(directory.child("d").value(), 0700));
  (void)run(storage->remove_directory(directory.child("d").value()));
  (void)run(storage->rename(file, directory.child("g").value(), true));
  (void)run(storage->rename(directory.child("g").value(), file, false));
  (void)run(storage->remove_file(directory.child("g").value()));
  (void)run(storage->open_directory(directory));
  (void)run(storage->space(file));
  (void)run(storage->canonical(file, true));
}

void SymlinkRace::keep_acting(const std::string& directory, const Renamer& renamer) {
  const auto end = std::chrono::steady_clock::now() + 1500ms;
  while (std::chrono::steady_clock::now() < end || (renamer.swaps() < 100 && successes < 1'000'000)) {
    ASSERT_NO_FATAL_FAILURE(act(at(directory), at(directory).child("f").value()));
  }
  EXPECT_GT(successes, 0);
  EXPECT_GE(renamer.swaps(), 100);
}

TEST_P(SymlinkRace, OnADirectoryOfThePath) {
  std::filesystem::create_symlink(base / "outside", base / "root/evil");
  const Renamer renamer(base / "root/real", base / "root/evil");
  keep_acting("/real", renamer);
}

TEST_P(SymlinkRace, OnADirectoryOfThePathByARelativeLink) {
  std::filesystem::create_symlink("../outside", base / "root/evil");
  const Renamer renamer(base / "root/real", base / "root/evil");
  keep_acting("/real", renamer);
}

TEST_P(SymlinkRace, OnTheFileItself) {
  std::filesystem::create_symlink(base / "outside/f", base / "root/evil");
  const Renamer renamer(base / "root/real/f", base / "root/evil");
  keep_acting("/real", renamer);
}

// A ".." in a link is resolved where the directory was; moving it must not make that "..", "outside".
TEST_P(SymlinkRace, OnADirectoryThatMovesUpwards) {
  std::filesystem::create_directories(base / "root/a/b");
  std::filesystem::create_directory(base / "root/b2");
  std::filesystem::create_symlink("../../real", base / "root/a/b/up");
  std::filesystem::create_symlink("../../outside", base / "root/b2/up");
  const Renamer renamer(base / "root/a/b", base / "root/b2");
  keep_acting("/a/b/up", renamer);
}

INSTANTIATE_TEST_SUITE_P(Storage, SymlinkRace, testing::Values("/dev/shm", "/tmp"),
                         [](const auto& info) { return info.index == 0 ? "memory" : "disk"; });

}  // namespace
}  // namespace ferry::vfs
