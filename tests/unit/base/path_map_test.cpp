#include "base/path_map.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace ferry {
namespace {

VirtualPath at(std::string_view text) { return VirtualPath::parse(text).value(); }

TEST(PathMap, FindsTheNearestWholeComponents) {
  PathMap<int> map;
  EXPECT_EQ(map.nearest(at("/a")), nullptr);
  for (const auto& [path, value] : std::map<const char*, int>{{"/share", 1}, {"/share/x/y", 2}, {"/a/b", 3}}) {
    EXPECT_TRUE(map.emplace(at(path), value).second);
  }
  const auto again = map.emplace(at("/share"), 9);
  EXPECT_FALSE(again.second);
  EXPECT_EQ(again.first, 1);
  const std::pair<const char*, int> rows[] = {
      {"/", 0},           {"/share", 1},       {"/share2", 0}, {"/shar", 0},    {"/share/x", 1}, {"/share/x/y", 2},
      {"/share/x/y2", 1}, {"/share/x/y/z", 2}, {"/a", 0},      {"/a/b/c/d", 3}, {"/b", 0}};
  for (const auto& [path, value] : rows) {
    const int* found = map.nearest(at(path));
    EXPECT_EQ(found == nullptr ? 0 : *found, value) << path;
  }
  EXPECT_TRUE(map.any_below(at("/")));
  EXPECT_TRUE(map.any_below(at("/share")));
  EXPECT_TRUE(map.any_below(at("/share/x")));
  EXPECT_FALSE(map.any_below(at("/share/x/y")));
  EXPECT_FALSE(map.any_below(at("/share2")));
  EXPECT_FALSE(map.all_below(at("/"), [](int value) { return value != 2; }));
  EXPECT_TRUE(map.all_below(at("/a"), [](int value) { return value != 2; }));
  EXPECT_TRUE(map.all_below(at("/share/x/y"), [](int value) { return value != 2; }));
  EXPECT_NE(map.node(at("/share/x")), nullptr);
  EXPECT_EQ(map.node(at("/share/z")), nullptr);
}

TEST(PathMap, AgreesWithALinearSearch) {
  std::mt19937 random(3);
  const auto path = [&random] {
    std::string text = "/";
    for (std::size_t depth = random() % 4; depth > 0; --depth) text += std::string(1, "ab"[random() % 2]) + '/';
    return at(text);
  };
  for (int round = 0; round < 500; ++round) {
    PathMap<int> map;
    std::map<VirtualPath, int> values;
    for (int i = 0; i < 4; ++i) {
      const VirtualPath where = path();
      EXPECT_EQ(map.emplace(where, i).second, values.emplace(where, i).second);
    }
    const VirtualPath asked = path();
    const int* nearest = nullptr;
    std::size_t longest = 0;
    bool below = false;
    for (const auto& [where, value] : values) {
      if (asked.is_within(where) && where.components().size() >= longest) {
        nearest = &value;
        longest = where.components().size();
      }
      below = below || (where.is_within(asked) && where != asked);
    }
    const int* found = map.nearest(asked);
    ASSERT_EQ(found == nullptr, nearest == nullptr) << asked.text();
    EXPECT_TRUE(found == nullptr || *found == *nearest) << asked.text();
    EXPECT_EQ(map.any_below(asked), below) << asked.text();
  }
}

}  // namespace
}  // namespace ferry
