#include "crypto/password_strength.h"

#include <array>
#include <cmath>
#include <set>
#include <string>
#include <vector>

namespace ferry::crypto {

namespace {

constexpr std::array<std::string_view, 6> sets = {
    "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "!@$&*", "_-., ",
    "\"#%'()+/:;<=>?[\\]^{|}~"};
constexpr std::array<std::string_view, 5> rows = {"0123456789", "qwertyuiop", "asdfghjkl", "zxcvbnm",
                                                  "abcdefghijklmnopqrstuvwxyz"};

// UTF-8 sequences, a byte each where it is none.
std::vector<std::string_view> characters_of(std::string_view text) {
  std::vector<std::string_view> characters;
  while (!text.empty()) {
    std::size_t size = 1;
    while (size < text.size() && size < 4 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80 &&
           (static_cast<unsigned char>(text[0]) & 0x80) != 0) {
      ++size;
    }
    characters.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return characters;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Whether b follows a in the row, in this direction.
bool follows(std::string_view row, std::string_view a, std::string_view b, int direction) {
  if (a.size() != 1 || b.size() != 1) return false;
  const std::size_t first = row.find(lower(a[0])), second = row.find(lower(b[0]));
  if (first == std::string_view::npos || second == std::string_view::npos) return false;
  return static_cast<int>(second) - static_cast<int>(first) == direction;
}

// Whether the three stand in a run that somebody types without thinking.
bool is_run(std::string_view a, std::string_view b, std::string_view c) {
  if (a == b && b == c) return true;
  for (const std::string_view row : rows) {
    for (const int direction : {1, -1}) {
      if (follows(row, a, b, direction) && follows(row, b, c, direction)) return true;
    }
  }
  return false;
}

std::size_t base_of(const std::vector<std::string_view>& characters) {
  std::set<std::size_t> used;
  std::set<std::string_view> others;
  for (const std::string_view character : characters) {
    std::size_t set = 0;
    while (set < sets.size() && (character.size() != 1 || sets[set].find(character[0]) == std::string_view::npos))
      ++set;
    set < sets.size() ? static_cast<void>(used.insert(set)) : static_cast<void>(others.insert(character));
  }
  std::size_t base = others.size();
  for (const std::size_t set : used) base += sets[set].size();
  return base;
}

}  // namespace

double password_entropy(std::string_view utf8) {
  const std::vector<std::string_view> characters = characters_of(utf8);
  std::size_t length = 0;
  for (std::size_t i = 0; i < characters.size(); ++i) {
    if (i < 2 || !is_run(characters[i - 2], characters[i - 1], characters[i])) ++length;
  }
  const std::size_t base = base_of(characters);
  return base < 2 ? 0.0 : static_cast<double>(length) * std::log2(static_cast<double>(base));
}

}  // namespace ferry::crypto
