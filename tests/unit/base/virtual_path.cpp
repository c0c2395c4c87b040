#include "base/virtual_path.h"

#include <gtest/gtest.h>

namespace ferry {
namespace {

using namespace std::string_literals;

struct Row {
  std::string text;
  std::string base;
  std::string normal;  // "" for invalid_argument
};

class HostilePath : public testing::TestWithParam<Row> {};

TEST_P(HostilePath, HasOneReading) {
  const Row& row = GetParam();
  const VirtualPath base = *VirtualPath::parse(row.base);
  const Result<VirtualPath> path = VirtualPath::parse(row.text, base);
  if (row.normal.empty()) {
    ASSERT_FALSE(path);
    EXPECT_EQ(path.error().code, ErrorCode::invalid_argument);
    return;
  }
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(path->text(), row.normal);
  // Normalising again changes nothing.
  EXPECT_EQ(VirtualPath::parse(path->text())->text(), row.normal);
}

const std::string name_255(255, 'n');
const std::string long_path = [] {
  std::string path;
  while (path.size() < 4096 - 16) path += "/" + std::string(15, 'd');
  return path + std::string(4096 - path.size() - 1, 'e').insert(0, "/");
}();

INSTANTIATE_TEST_SUITE_P(
    Table, HostilePath,
    testing::Values(Row{"", "/", "/"}, Row{"", "/a", "/a"}, Row{"/", "/a", "/"}, Row{".", "/a", "/a"},
                    Row{"..", "/a/b", "/a"}, Row{"..", "/", "/"}, Row{"../../../etc/passwd", "/a", "/etc/passwd"},
                    Row{"/../../etc", "/a", "/etc"}, Row{"//a///b//", "/", "/a/b"}, Row{"a/./b/../c", "/x", "/x/a/c"},
                    Row{"/a/...", "/", "/a/..."}, Row{"/a/.../..", "/", "/a"}, Row{"/..a/b..", "/", "/..a/b.."},
                    Row{"/a\\..\\b", "/", "/a\\..\\b"}, Row{"/%2e%2e/x", "/", "/%2e%2e/x"},
                    Row{"~", "/home", "/home/~"}, Row{"/a\nb", "/", "/a\nb"}, Row{"/\xff\xfe", "/", "/\xff\xfe"},
                    Row{"/\xc0\xae\xc0\xae/x", "/", "/\xc0\xae\xc0\xae/x"}, Row{"/ ", "/", "/ "},
                    Row{"/a\0b"s, "/", ""}, Row{"\0"s, "/", ""}, Row{"/a/..\0"s, "/", ""},
                    Row{"/" + name_255, "/", "/" + name_255}, Row{"/" + name_255 + "x", "/", ""},
                    Row{long_path, "/", long_path}, Row{long_path + "x", "/", ""}, Row{"x", long_path, ""},
                    Row{std::string(4096, '/'), "/", "/"}, Row{std::string(4097, '/'), "/", ""}));

TEST(VirtualPath, KeepsSiblingsApart) {
  const auto path = [](const char* text) { return *VirtualPath::parse(text); };
  EXPECT_TRUE(path("/share/x").is_within(path("/share")));
  EXPECT_TRUE(path("/share").is_within(path("/share")));
  EXPECT_FALSE(path("/share2").is_within(path("/share")));
  EXPECT_FALSE(path("/share2/x").is_within(path("/share")));
  EXPECT_FALSE(path("/").is_within(path("/share")));
  EXPECT_TRUE(path("/share2").is_within(VirtualPath()));
}

TEST(VirtualPath, SplitsAndJoins) {
  const VirtualPath path = *VirtualPath::parse("/a/b/c");
  EXPECT_EQ(path.name(), "c");
  EXPECT_EQ(path.parent().text(), "/a/b");
  EXPECT_EQ(VirtualPath().parent().text(), "/");
  EXPECT_EQ(VirtualPath().name(), "");
  EXPECT_EQ(path.relative(), "a/b/c");
  EXPECT_EQ(VirtualPath().relative(), ".");
  EXPECT_EQ(path.below(*VirtualPath::parse("/a")).text(), "/b/c");
  EXPECT_EQ(path.below(path).text(), "/");
  EXPECT_EQ(path.below(VirtualPath()).text(), "/a/b/c");
  EXPECT_EQ(VirtualPath::parse("/m")->join(path).text(), "/m/a/b/c");
  EXPECT_EQ(path.join(VirtualPath()).text(), "/a/b/c");
  EXPECT_EQ(path.components(), (std::vector<std::string_view>{"a", "b", "c"}));
  EXPECT_TRUE(VirtualPath().components().empty());
}

TEST(VirtualPath, TakesOnlyPlainNamesAsChildren) {
  for (const std::string& name : {""s, "."s, ".."s, "a/b"s, "/"s, "a\0b"s, std::string(256, 'x')}) {
    EXPECT_FALSE(VirtualPath().child(name)) << name;
  }
  EXPECT_EQ(VirtualPath().child("...")->text(), "/...");
  EXPECT_EQ(VirtualPath::parse("/a")->child(name_255)->text(), "/a/" + name_255);
  EXPECT_FALSE(VirtualPath::parse(long_path)->child("x"));
}

}  // namespace
}  // namespace ferry
