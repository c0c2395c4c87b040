// Files below a directory: no name and no link leads out of it.
#include "base/contained_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/support/temp_directory.h"

namespace ferry {
namespace {

namespace fs = std::filesystem;

class ContainedFile : public testing::Test {
 protected:
  test::TempDirectory scratch_;
  fs::path root_ = fs::path(scratch_.path()) / "root";
};

TEST_F(ContainedFile, WritesAndReads) {
  ASSERT_TRUE(write_contained(root_, "a/b/dump.json", "one"));
  ASSERT_TRUE(write_contained(root_, "a/b/dump.json", "two"));
  EXPECT_EQ(*read_contained(root_, "a/b/dump.json", 3), "two");
  EXPECT_EQ(*read_contained(root_, (root_ / "a/b/dump.json").native(), 100), "two");
  EXPECT_EQ(read_contained(root_, "a/b/dump.json", 2).error().code, ErrorCode::limit_exceeded);
  EXPECT_EQ(read_contained(root_, "none", 2).error().code, ErrorCode::not_found);
  struct stat info {};
  ASSERT_EQ(::stat((root_ / "a/b/dump.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  ASSERT_EQ(::stat((root_ / "a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
  // Nothing is left over beside it.
  EXPECT_EQ(std::distance(fs::directory_iterator(root_ / "a/b"), fs::directory_iterator()), 1);
}

TEST_F(ContainedFile, NamesDoNotLeadOut) {
  fs::create_directory(root_);
  std::ofstream(fs::path(scratch_.path()) / "outside") << "secret";
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("/"), std::string("../outside"),
        std::string("a/../../outside"), std::string("./x"), std::string("a//b/"), std::string("x\0y", 3),
        (fs::path(scratch_.path()) / "outside").native(), root_.native(), root_.native() + "/../outside",
        std::string("/etc/passwd")}) {
    EXPECT_EQ(read_contained(root_, name, 100).error().code, ErrorCode::invalid_argument) << name;
    EXPECT_EQ(write_contained(root_, name, "x").error().code, ErrorCode::invalid_argument) << name;
  }
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(ContainedFile, LinksAndSpecialFilesAreNotFollowed) {
  fs::create_directory(root_);
  const fs::path outside = fs::path(scratch_.path()) / "outside";
  std::ofstream(outside) << "secret";
  fs::create_symlink(outside, root_ / "link");
  fs::create_directory_symlink(scratch_.path(), root_ / "up");
  ASSERT_EQ(::mkfifo((root_ / "pipe").c_str(), 0600), 0);
  fs::create_directory(root_ / "directory");
  for (const char* name : {"link", "up/outside", "pipe", "directory"}) {
    EXPECT_FALSE(read_contained(root_, name, 100)) << name;
  }
  EXPECT_FALSE(write_contained(root_, "up/new", "x"));
  EXPECT_FALSE(fs::exists(fs::path(scratch_.path()) / "new"));
  EXPECT_FALSE(write_contained(root_, "directory", "x"));
  ASSERT_TRUE(write_contained(root_, "link", "mine"));  // replaces the link, not what it points to
  std::ifstream file(outside);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "secret");
  EXPECT_FALSE(fs::is_symlink(root_ / "link"));
}

}  // namespace
}  // namespace ferry
