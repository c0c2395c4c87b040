#include "base/command_line.h"

#include <gtest/gtest.h>

#include <random>

namespace ferry {
namespace {

std::vector<std::string> texts(std::string_view line) {
  const auto words = split_command_line(line);
  std::vector<std::string> all;
  if (!words) return {"<refused>"};
  for (const Word& word : *words) all.push_back(word.text);
  return all;
}

using Texts = std::vector<std::string>;

TEST(CommandLine, WordsAndBlanks) {
  EXPECT_EQ(texts(""), Texts{});
  EXPECT_EQ(texts("  \t "), Texts{});
  EXPECT_EQ(texts("scp -t  a\tb "), (Texts{"scp", "-t", "a", "b"}));
}

TEST(CommandLine, Quoting) {
  EXPECT_EQ(texts("a 'b c' \"d e\" f\\ g"), (Texts{"a", "b c", "d e", "f g"}));
  EXPECT_EQ(texts("'it'\\''s' ''"), (Texts{"it's", ""}));
  EXPECT_EQ(texts("\"a\\\"b\\\\c\\d\\$x\""), (Texts{"a\"b\\c\\d$x"}));
  EXPECT_EQ(texts("a\\\nb \"c\\\nd\""), (Texts{"ab", "cd"}));
  EXPECT_EQ(texts("x'y'\"z\""), (Texts{"xyz"}));
}

TEST(CommandLine, NothingOfAShellButItsQuoting) {
  EXPECT_EQ(texts("a;b $(c) `d` >e | f && $HOME"), (Texts{"a;b", "$(c)", "`d`", ">e", "|", "f", "&&", "$HOME"}));
}

TEST(CommandLine, UnfinishedOrHostileLinesAreRefused) {
  const std::string nul("a\0b", 3);
  for (const std::string_view line : {std::string_view("'a"), std::string_view("\"a"), std::string_view("a\\"),
                                      std::string_view("\"a\\"), std::string_view(nul)}) {
    EXPECT_EQ(texts(line), Texts{"<refused>"}) << line;
  }
  EXPECT_EQ(texts(std::string(longest_command_line + 1, 'a')), Texts{"<refused>"});
  std::string many;
  for (std::size_t i = 0; i <= most_command_words + 1; ++i) many += "a ";
  EXPECT_EQ(texts(many), Texts{"<refused>"});
}

TEST(CommandLine, WildcardsAreThoseThatWereNotQuoted) {
  const auto words = split_command_line("a*b 'a*b' \"?\" \\[x] [y]");
  ASSERT_TRUE(words);
  ASSERT_EQ(words->size(), 5U);
  EXPECT_TRUE((*words)[0].wildcards);
  EXPECT_EQ((*words)[0].pattern, "a*b");
  EXPECT_FALSE((*words)[1].wildcards);
  EXPECT_EQ((*words)[1].pattern, "a\\*b");
  EXPECT_FALSE((*words)[2].wildcards);
  EXPECT_FALSE((*words)[3].wildcards);
  EXPECT_TRUE((*words)[4].wildcards);
}

TEST(CommandLine, TheTildeIsTheStart) {
  const auto words = split_command_line("~ ~/x '~' ~user a~ x/~ ~//y");
  ASSERT_TRUE(words);
  const auto start = VirtualPath::parse("/home");
  std::vector<std::string> paths;
  for (const Word& word : *words) paths.push_back(path_of(word, *start)->text());
  EXPECT_EQ(paths, (Texts{"/home", "/home/x", "/home/~", "/home/~user", "/home/a~", "/home/x/~", "/home/y"}));
}

TEST(CommandLine, AnyBytesEndInWordsOrARefusal) {
  std::mt19937 random(1);
  constexpr std::string_view alphabet = "a '\"\\~*?[]/\n\t$\xff";
  for (int round = 0; round < 20000; ++round) {
    std::string line(random() % 24, ' ');
    for (char& c : line) c = alphabet[random() % alphabet.size()];
    const auto words = split_command_line(line);
    if (!words) continue;
    std::size_t size = 0;
    for (const Word& word : *words) size += word.text.size();
    EXPECT_LE(size, line.size());
  }
}

}  // namespace
}  // namespace ferry
