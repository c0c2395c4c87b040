#include "base/glob.h"

#include <clocale>
#include <cwctype>
#include <optional>

namespace ferry {

namespace {

constexpr char32_t first_raw_byte = 0x110000;  // beyond Unicode: bytes that are not UTF-8

// The character at the start of `text`, which is shortened by it (RFC 3629).
char32_t take_character(std::string_view& text) {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  char32_t value = length == 1 ? first : first & (0x7fU >> length);
  bool good = first < 0x80 || (first >= 0xc2 && first <= 0xf4 && text.size() >= length);
  for (std::size_t i = 1; good && i < length; ++i) {
    good = (byte(i) & 0xc0U) == 0x80;
    value = value << 6U | (byte(i) & 0x3fU);
  }
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (!good || value < least[length] || value >= first_raw_byte || (value >= 0xd800 && value < 0xe000)) {
    text.remove_prefix(1);
    return first_raw_byte + first;
  }
  text.remove_prefix(length);
  return value;
}

char32_t lower(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  if (c >= first_raw_byte) return c;
  // glibc has this locale built in; should it be missing, only ASCII letters have two cases.
  static const locale_t unicode = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return unicode == nullptr ? c : static_cast<char32_t>(::towlower_l(static_cast<wint_t>(c), unicode));
}

std::unexpected<Error> wrong(std::string_view what) { return fail(ErrorCode::invalid_argument, std::string(what)); }

// One character of a set, with \ taken as it is meant; nothing when the pattern ends.
std::optional<char32_t> take_of_set(std::u32string_view& rest) {
  if (rest.starts_with(U'\\')) rest.remove_prefix(1);
  if (rest.empty()) return std::nullopt;
  const char32_t c = rest.front();
  rest.remove_prefix(1);
  return c;
}

}  // namespace

std::u32string fold_name(std::string_view name) {
  std::u32string folded;
  folded.reserve(name.size());
  while (!name.empty()) folded.push_back(lower(take_character(name)));
  return folded;
}

bool Glob::Piece::accepts(char32_t c) const {
  switch (kind) {
    case Kind::text: return c == character;
    case Kind::any_one: return true;
    case Kind::any_text: return false;  // not a single character
    case Kind::one_of:
    case Kind::none_of: break;
  }
  for (const auto& [first, last] : ranges) {
    if (c >= first && c <= last) return kind == Kind::one_of;
  }
  return kind == Kind::none_of;
}

// `rest` begins behind the [.
Result<Glob::Piece> Glob::take_set(std::u32string_view& rest) {
  Piece set{.kind = Piece::Kind::one_of};
  if (rest.starts_with(U'!') || rest.starts_with(U'^')) {
    set.kind = Piece::Kind::none_of;
    rest.remove_prefix(1);
  }
  while (!rest.starts_with(U']')) {
    const std::optional<char32_t> first = take_of_set(rest);
    std::optional<char32_t> last = first;
    if (first && rest.size() > 1 && rest[0] == U'-' && rest[1] != U']') {
      rest.remove_prefix(1);
      last = take_of_set(rest);
    }
    if (!first || !last || rest.empty()) return wrong("a [ without its ]");
    if (*last < *first) return wrong("a range that runs backwards");
    set.ranges.emplace_back(*first, *last);
  }
  rest.remove_prefix(1);
  if (set.ranges.empty()) return wrong("an empty set");
  return set;
}

Result<Glob> Glob::compile(std::string_view pattern) {
  if (pattern.empty()) return wrong("an empty pattern");
  if (pattern.size() > max_length) return wrong("a pattern longer than 255 bytes");
  const std::u32string folded = fold_name(pattern);
  std::u32string_view rest = folded;
  Glob glob;
  while (!rest.empty()) {
    const char32_t c = rest.front();
    rest.remove_prefix(1);
    Piece piece{.kind = Piece::Kind::text, .character = c};
    if (c == U'*') {
      piece.kind = Piece::Kind::any_text;
      if (!glob.pieces_.empty() && glob.pieces_.back().kind == Piece::Kind::any_text) continue;
    } else if (c == U'?') {
      piece.kind = Piece::Kind::any_one;
    } else if (c == U'[') {
      Result<Piece> set = take_set(rest);
      if (!set) return fail(set.error());
      piece = std::move(*set);
    } else if (c == U'\\') {
      if (rest.empty()) return wrong("a \\ at the end");
      piece.character = rest.front();
      rest.remove_prefix(1);
    }
    glob.pieces_.push_back(std::move(piece));
  }
  return glob;
}

// Only the last * is ever tried again: what an earlier one took can be taken by it as well.
bool Glob::matches(std::u32string_view name) const {
  std::size_t piece = 0, at = 0;
  std::size_t star = pieces_.size(), star_at = 0;  // the last * met, and where its text ends for now
  while (at < name.size()) {
    if (piece < pieces_.size() && pieces_[piece].kind == Piece::Kind::any_text) {
      star = piece++;
      star_at = at;
    } else if (piece < pieces_.size() && pieces_[piece].accepts(name[at])) {
      ++piece;
      ++at;
    } else if (star < pieces_.size()) {
      piece = star + 1;
      at = ++star_at;
    } else {
      return false;
    }
  }
  while (piece < pieces_.size() && pieces_[piece].kind == Piece::Kind::any_text) ++piece;
  return piece == pieces_.size();
}

bool Glob::is_text(std::size_t from, std::size_t to) const {
  for (std::size_t i = from; i < to; ++i) {
    if (pieces_[i].kind != Piece::Kind::text) return false;
  }
  return true;
}

std::u32string Glob::text(std::size_t from, std::size_t to) const {
  std::u32string text;
  for (std::size_t i = from; i < to; ++i) text.push_back(pieces_[i].character);
  return text;
}

Result<GlobSet> GlobSet::compile(std::span<const std::string> patterns) {
  GlobSet set;
  for (const std::string& pattern : patterns) {
    Result<Glob> glob = Glob::compile(pattern);
    if (!glob) return fail(glob.error().code, '"' + pattern + "\": " + glob.error().message);
    set.add(std::move(*glob));
  }
  return set;
}

void GlobSet::Ends::add(std::u32string text) {
  lengths.insert(text.size());
  texts.insert(std::move(text));
}

void GlobSet::add(Glob glob) {
  empty_ = false;
  const std::size_t count = glob.pieces_.size();
  const auto is_star = [&glob](std::size_t i) { return glob.pieces_[i].kind == Glob::Piece::Kind::any_text; };
  if (glob.is_text(0, count)) {
    names_.insert(glob.text(0, count));
  } else if (is_star(0) && glob.is_text(1, count)) {
    endings_.add(glob.text(1, count));
  } else if (is_star(count - 1) && glob.is_text(0, count - 1)) {
    beginnings_.add(glob.text(0, count - 1));
  } else {
    others_.push_back(std::move(glob));
  }
}

bool GlobSet::matches(std::u32string_view name) const {
  if (names_.contains(name)) return true;
  for (const std::size_t length : endings_.lengths) {
    if (length > name.size()) break;
    if (endings_.texts.contains(name.substr(name.size() - length))) return true;
  }
  for (const std::size_t length : beginnings_.lengths) {
    if (length > name.size()) break;
    if (beginnings_.texts.contains(name.substr(0, length))) return true;
  }
  for (const Glob& glob : others_) {
    if (glob.matches(name)) return true;
  }
  return false;
}

}  // namespace ferry
