#include "base/glob.h"

#include <gtest/gtest.h>

#include <random>

namespace ferry {
namespace {

bool matches(std::string_view pattern, std::string_view name) {
  return Glob::compile(pattern).value().matches(fold_name(name));
}

TEST(Glob, MatchesAsAShellDoes) {
  struct Row {
    const char* pattern;
    std::vector<std::string> yes, no;
  };
  const Row rows[] = {
      {"a.txt", {"a.txt", "A.TXT"}, {"a.txt2", "xa.txt", "aXtxt", ""}},
      {"*.txt", {".txt", "a.txt", "a.b.TXT", "x.txt.txt"}, {"txt", "a.txt~"}},
      {"a*", {"a", "abc", "A.b"}, {"ba", ""}},
      {"*", {"a", ".hidden"}, {}},
      {"***", {"", "a"}, {}},
      {"?", {"a", "ä", "\xff"}, {"", "ab"}},
      {"a?c", {"abc", "aäc", "a.c"}, {"ac", "abbc"}},
      {"a*b?.png", {"ab1.png", "axxbyb2.PNG"}, {"ab.png", "a1.png"}},
      {"[a-c]x", {"ax", "Bx", "cx"}, {"dx", "x", "aax"}},
      {"[!a-c]x", {"dx", "-x"}, {"ax", "Bx", "x"}},
      {"[^a-c]x", {"dx"}, {"ax"}},
      {"[a\\]]x", {"ax", "]x"}, {"\\x"}},
      {"[a-]x", {"ax", "-x"}, {"bx"}},
      {"\\*x", {"*x"}, {"ax"}},
      {"\\[x", {"[x"}, {"x"}},
      {"*Ä*", {"xäy", "Ä"}, {"xay"}},
      {"*.стр", {"А.СТР"}, {"А.стп"}},
      {"a\xff", {"a\xff", "A\xff"}, {"a\xfe", "aÿ"}},
  };
  for (const Row& row : rows) {
    for (const std::string& name : row.yes) EXPECT_TRUE(matches(row.pattern, name)) << row.pattern << ' ' << name;
    for (const std::string& name : row.no) EXPECT_FALSE(matches(row.pattern, name)) << row.pattern << ' ' << name;
  }
}

TEST(Glob, RefusesWhatMeansNothing) {
  for (const char* pattern : {"", "[", "[a", "a[", "[]", "[!]", "[a-", "[z-a]", "x\\", "[\\"}) {
    const auto glob = Glob::compile(pattern);
    ASSERT_FALSE(glob) << pattern;
    EXPECT_EQ(glob.error().code, ErrorCode::invalid_argument);
  }
  EXPECT_TRUE(Glob::compile(std::string(255, 'a')));
  EXPECT_FALSE(Glob::compile(std::string(256, 'a')));
  const std::vector<std::string> some{"*.txt", "[a"};
  EXPECT_EQ(GlobSet::compile(some).error().message, "\"[a\": a [ without its ]");
}

TEST(Glob, ManyStarsCostNoMoreThanTheirNumber) {
  std::string pattern;
  for (int i = 0; i < 127; ++i) pattern += "*a";
  EXPECT_TRUE(matches(pattern, std::string(255, 'a')));
  EXPECT_FALSE(matches(pattern + 'b', std::string(255, 'a')));  // exponential for a matcher that tries every split
}

// The meaning, as short as it can be told.
bool slowly(std::u32string_view pattern, std::u32string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') {
    return slowly(pattern.substr(1), name) || (!name.empty() && slowly(pattern, name.substr(1)));
  }
  if (name.empty()) return false;
  return (pattern[0] == '?' || pattern[0] == name[0]) && slowly(pattern.substr(1), name.substr(1));
}

TEST(Glob, AgreesWithItsMeaning) {
  std::mt19937 random(7);
  const auto text = [&random](std::string_view letters, std::size_t most) {
    std::string made;
    for (std::size_t length = random() % (most + 1); made.size() < length;) made += letters[random() % letters.size()];
    return made;
  };
  for (int round = 0; round < 20000; ++round) {
    const std::string name = text("ab", 8);
    std::vector<std::string> patterns;
    bool any = false;
    for (std::size_t count = 1 + random() % 3; patterns.size() < count;) {
      patterns.push_back(text("ab*?", 5) + "ab*?"[random() % 4]);
      const bool expected = slowly(fold_name(patterns.back()), fold_name(name));
      any = any || expected;
      ASSERT_EQ(matches(patterns.back(), name), expected) << patterns.back() << ' ' << name;
    }
    ASSERT_EQ(GlobSet::compile(patterns).value().matches(fold_name(name)), any) << patterns[0] << ' ' << name;
  }
  EXPECT_FALSE(GlobSet().matches(U""));
}

// No bytes, as a pattern or as a name, do any harm.
TEST(Glob, TakesAnyBytes) {
  std::mt19937 random(8);
  const auto bytes = [&random](std::size_t most) {
    std::string made;
    for (std::size_t length = random() % most; made.size() < length;) {
      constexpr std::string_view often = "[]!^-\\*?a\xc3\xa4";
      made += random() % 2 == 0 ? often[random() % often.size()] : static_cast<char>(random());
    }
    return made;
  };
  int compiled = 0;
  for (int round = 0; round < 20000; ++round) {
    const std::string pattern = bytes(12), name = bytes(12);
    const auto glob = Glob::compile(pattern);
    if (!glob) continue;
    ++compiled;
    const std::vector<std::string> alone{pattern};
    EXPECT_EQ(GlobSet::compile(alone).value().matches(fold_name(name)), glob->matches(fold_name(name)));
  }
  EXPECT_GT(compiled, 1000);
}

}  // namespace
}  // namespace ferry
