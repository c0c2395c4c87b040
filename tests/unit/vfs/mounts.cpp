#include "vfs/mounts.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/temp_directory.h"
#include "vfs/local/local_file_system.h"

namespace ferry::vfs {
namespace {

VirtualPath at(std::string_view text) { return VirtualPath::parse(text).value(); }

class Mounts : public testing::Test {
 protected:
  std::shared_ptr<FileSystem> storage() { return LocalFileSystem::open({.root = base.path()}).value(); }
  void SetUp() override {
    for (const char* point : {"/share", "/share/inner/deep", "/a/b/c"}) {
      ASSERT_TRUE(table.add(at(point), storage()));
    }
  }
  std::string where(std::string_view path) {
    const MountTable::Target target = table.resolve(at(path));
    return target.mount->point.text() + " " + target.path.text();
  }
  std::set<std::string> names_in(std::string_view directory) {
    const std::vector<std::string> names = table.names_in(at(directory));
    return {names.begin(), names.end()};
  }

  test::TempDirectory base;
  MountTable table{storage()};
};

TEST_F(Mounts, TheDeepestWholePrefixWins) {
  const std::pair<const char*, const char*> rows[] = {
      {"/", "/ /"},
      {"/x", "/ /x"},
      {"/share", "/share /"},
      {"/share/x/y", "/share /x/y"},
      {"/share2", "/ /share2"},
      {"/share2/x", "/ /share2/x"},
      {"/shar", "/ /shar"},
      {"/share/inner", "/share /inner"},
      {"/share/inner/deep", "/share/inner/deep /"},
      {"/share/inner/deep/x", "/share/inner/deep /x"},
      {"/share/inner/deeper", "/share /inner/deeper"},
      {"/a/b", "/ /a/b"},
      {"/a/b/c/d", "/a/b/c /d"},
      {"/a/b/c/../x", "/ /a/b/x"},
  };
  for (const auto& [path, expected] : rows) EXPECT_EQ(where(path), expected) << path;
}

TEST_F(Mounts, PinsPointsAndTheWayToThem) {
  for (const char* path : {"/", "/share", "/share/inner", "/share/inner/deep", "/a", "/a/b", "/a/b/c"}) {
    EXPECT_TRUE(table.is_pinned(at(path))) << path;
  }
  for (const char* path : {"/share/x", "/share2", "/a/b/c/d", "/b"}) EXPECT_FALSE(table.is_pinned(at(path))) << path;
  EXPECT_EQ(names_in("/"), (std::set<std::string>{"share", "a"}));
  EXPECT_EQ(names_in("/share"), (std::set<std::string>{"inner"}));
  EXPECT_EQ(names_in("/a/b"), (std::set<std::string>{"c"}));
  EXPECT_TRUE(names_in("/x").empty());
}

TEST_F(Mounts, RefusesASecondMountAndReplacesTheHome) {
  const Result<void> twice = table.add(at("/share"), storage());
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, ErrorCode::conflict);
  const std::shared_ptr<FileSystem> other = storage();
  ASSERT_TRUE(table.add(at("/"), other));
  EXPECT_EQ(table.resolve(at("/x")).mount->storage, other);
  const Result<void> again = table.add(at("/"), storage());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::conflict);
  MountTable moved = std::move(table);
  EXPECT_EQ(moved.resolve(at("/share/x")).path.text(), "/x");
}

}  // namespace
}  // namespace ferry::vfs
