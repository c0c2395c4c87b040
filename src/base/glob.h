// Shell patterns for one file name, without regard to case.
//
//   * any text, ? one character, [a-z0-9] one of these, [!a-z] and [^a-z] one that is none of these,
//   \ before any of them: the character itself.
//
// Names are bytes: what is UTF-8 is compared by its lower-case characters, any other byte is equal to itself only.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/error.h"

namespace ferry {

// A name as patterns see it: lower case, one element a character.
std::u32string fold_name(std::string_view name);

class Glob {
 public:
  static constexpr std::size_t max_length = 255;  // bytes of a pattern

  // invalid_argument: empty, too long, a [ without its ], an empty set, a range that runs backwards, a \ at the end.
  static Result<Glob> compile(std::string_view pattern);

  // `name`: as fold_name() answers it. Time: at most length of the name times length of the pattern, so that a pattern
  // such as "*a*a*a*a*b" cannot take seconds.
  bool matches(std::u32string_view name) const;

 private:
  friend class GlobSet;
  struct Piece {
    enum class Kind : std::uint8_t { text, any_one, any_text, one_of, none_of } kind = Kind::text;
    char32_t character = 0;                               // of text
    std::vector<std::pair<char32_t, char32_t>> ranges{};  // of a set, ends included
    bool accepts(char32_t c) const;
  };

  static Result<Piece> take_set(std::u32string_view& rest);
  // The text between `from` and `to` when it is nothing but text.
  bool is_text(std::size_t from, std::size_t to) const;
  std::u32string text(std::size_t from, std::size_t to) const;

  std::vector<Piece> pieces_;
};

// Many patterns at once: does any of them match? Plain names, "*.ending" and "beginning*", as most patterns are, are
// kept in hash tables, so that 1,000 of them cost about as much as one. Others are tried one after another.
class GlobSet {
 public:
  GlobSet() = default;
  // As Glob::compile, which names the pattern that is wrong.
  static Result<GlobSet> compile(std::span<const std::string> patterns);

  bool empty() const { return empty_; }
  bool matches(std::u32string_view name) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::u32string_view text) const { return std::hash<std::u32string_view>{}(text); }
  };
  using Texts = std::unordered_set<std::u32string, Hash, std::equal_to<>>;
  struct Ends {
    std::set<std::size_t> lengths;
    Texts texts;
    void add(std::u32string text);
  };

  void add(Glob glob);

  bool empty_ = true;
  Texts names_;
  Ends beginnings_, endings_;
  std::vector<Glob> others_;
};

}  // namespace ferry
