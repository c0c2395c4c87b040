#include <algorithm>

#include "model/validate.h"

namespace ferry::model {

namespace {

// The length of the UTF-8 sequence at the start of `text`, 0 when it is not well-formed (RFC 3629).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, beyond U+10FFFF.
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) || (first == 0xf0 && byte(1) < 0x90) ||
      (first == 0xf4 && byte(1) > 0x8f)) {
    return 0;
  }
  return length;
}

bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7f;
  const auto second = static_cast<unsigned char>(character[1]);
  if (first == 0xc2 && second < 0xa0) return true;  // C1
  const auto third = static_cast<unsigned char>(character.size() > 2 ? character[2] : 0);
  // Line and paragraph separators and the marks that turn the direction of text around.
  return first == 0xe2 &&
         ((second == 0x80 && third >= 0xa8 && third <= 0xae) || (second == 0x81 && third >= 0xa6 && third <= 0xa9));
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

std::string_view problem_with(std::string_view name, bool any_character) {
  if (name.empty()) return "is required";
  if (name.size() > max_name_length) return "is longer than 255 bytes";
  if (name == "." || name == "..") return "cannot be \".\" or \"..\"";
  while (!name.empty()) {
    const std::size_t length = utf8_length(name);
    if (length == 0) return "is not valid UTF-8";
    if (is_control(name.substr(0, length))) return "cannot hold control characters";
    if (name[0] == '/' || name[0] == '\\') return "cannot hold slashes";
    if (!any_character && !is_unreserved(name[0])) return "can hold only letters, digits and - . _ ~";
    name.remove_prefix(length);
  }
  return {};
}

}  // namespace

std::string NamingRules::convert(std::string_view name) const {
  if ((value & 4U) != 0) {
    constexpr std::string_view blanks = " \t\r\n\v\f";
    const std::size_t begin = std::min(name.find_first_not_of(blanks), name.size());
    name = name.substr(begin, name.find_last_not_of(blanks) + 1 - begin);
  }
  std::string text(name);
  if ((value & 2U) != 0) {
    std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  }
  return text;
}

Result<void> NamingRules::check(std::string_view field, std::string_view name) const {
  const std::string_view problem = problem_with(name, (value & 1U) != 0);
  if (problem.empty()) return {};
  return fail(ErrorCode::invalid_argument, std::string(field) + ": the name " + std::string(problem));
}

}  // namespace ferry::model
