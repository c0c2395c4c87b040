#include "crypto/password_text.h"

#include <algorithm>
#include <array>
#include <string>

#include "crypto/password.h"

namespace ferry::crypto {

namespace {

constexpr std::array<std::string_view, 10> lock_marks = {"!",  "!!", "*",    "*LK*", "*LOCKED*",
                                                         "!*", "*!", "*NP*", "*0",   "*1"};
constexpr std::string_view letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t longest_scheme = 32;

// "$name$" or "{name}" at the beginning, with its marks; "" if there is none.
std::string_view scheme_of(std::string_view text) {
  if (text.empty() || (text[0] != '$' && text[0] != '{')) return {};
  const std::size_t end = text.find(text[0] == '$' ? '$' : '}', 1);
  if (end == std::string_view::npos || end == 1 || end > longest_scheme) return {};
  const std::string_view name = text.substr(1, end - 1);
  const bool is_name =
      std::ranges::all_of(name, [](char c) { return letters.contains(c) || std::string_view("-_.,=/").contains(c); });
  return is_name ? text.substr(0, end + 1) : std::string_view();
}

// The traditional and the extended form of crypt(3) with DES. 11 characters hold 64 bits, so that the last has only 16
// of the 64 values.
bool is_des(std::string_view text) {
  constexpr std::string_view last = ".26AEIMQUYcgkosw";
  const bool extended = text.size() == 20 && text[0] == '_';
  if (!extended && text.size() != 13) return false;
  return last.contains(text.back()) && std::ranges::all_of(text.substr(extended ? 1 : 0), [](char c) {
           return c == '.' || c == '/' || letters.contains(c);
         });
}

// What stands behind the mark that locks a hash: "!$6$...", "*LK*{SSHA}...", FreeBSD's "*LOCKED*$6$..."; else "".
std::string_view behind_lock(std::string_view text) {
  constexpr std::string_view locked = "*LOCKED*";
  if (text.starts_with(locked)) return text.substr(locked.size());
  if (text.starts_with("*LK*")) return text.substr(4);
  return text.starts_with('!') ? text.substr(std::min(text.find_first_not_of('!'), text.size())) : std::string_view();
}

}  // namespace

PasswordText kind_of_password(std::string_view text, bool imported) {
  if (std::ranges::find(lock_marks, text) != lock_marks.end()) return PasswordText::lock;
  const std::string_view locked = behind_lock(text);
  if (!scheme_of(locked).empty() || is_des(locked)) return PasswordText::lock;
  if (is_password_hash(text)) return check_password_hash(text) ? PasswordText::hash : PasswordText::unusable;
  if (!scheme_of(text).empty()) return PasswordText::unusable;
  return imported && is_des(text) ? PasswordText::unusable : PasswordText::password;
}

std::string problem_of_password(std::string_view text) {
  const std::string scheme(scheme_of(text));
  const auto checked = check_password_hash(text);
  if (!checked && checked.error().code != ErrorCode::unsupported) return "a damaged hash: " + checked.error().message;
  if (!scheme.empty()) return "hashes of scheme " + scheme + " are not known";
  return "looks like a hash of DES crypt, which is not known";
}

}  // namespace ferry::crypto
