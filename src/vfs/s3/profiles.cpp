#include "vfs/s3/profiles.h"

#include <algorithm>

namespace ferry::vfs::s3 {

namespace {

std::string_view trim_spaces(std::string_view text) {
  constexpr std::string_view spaces = " \t\r";
  const std::size_t first = text.find_first_not_of(spaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(spaces) - first + 1);
}

// "": a section that is no profile.
std::string profile_name(std::string_view section, bool config_file) {
  constexpr std::string_view word = "profile";
  section = trim_spaces(section);
  if (!config_file || section == "default") return std::string(section);
  if (!section.starts_with(word) || section.size() == word.size()) return {};
  const std::string_view rest = section.substr(word.size());
  if (rest.front() != ' ' && rest.front() != '\t') return {};
  return std::string(trim_spaces(rest));
}

}  // namespace

void read_profiles(std::string_view text, bool config_file, Profiles& profiles) {
  Profile* current = nullptr;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view whole = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string_view line = trim_spaces(whole);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      const std::size_t close = line.find(']');
      const std::string name =
          close == std::string_view::npos ? std::string() : profile_name(line.substr(1, close - 1), config_file);
      current = name.empty() ? nullptr : &profiles[name];
      continue;
    }
    // An indented line belongs to a nested setting (s3 = ...), which is not ours.
    const bool nested = whole.front() == ' ' || whole.front() == '\t';
    const std::size_t equals = line.find('=');
    if (current == nullptr || nested || equals == std::string_view::npos) continue;
    std::string name(trim_spaces(line.substr(0, equals)));
    std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
    current->emplace(std::move(name), trim_spaces(line.substr(equals + 1)));
  }
}

}  // namespace ferry::vfs::s3
