#include "session/partial_name.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <string>

namespace ferry::session {

namespace {

constexpr std::string_view prefix = ".ferry-upload.";
constexpr std::size_t digits = 16;

}  // namespace

VirtualPath partial_path(const VirtualPath& target) {
  std::uint64_t random = 0;
  while (::getrandom(&random, sizeof random, 0) != static_cast<ssize_t>(sizeof random)) {
  }
  std::string name = fmt::format("{}{:016x}.{}", prefix, random, target.name());
  name.resize(std::min(name.size(), VirtualPath::max_name_length));
  const std::size_t room =
      VirtualPath::max_length - std::min(target.parent().text().size() + 1, VirtualPath::max_length);
  name.resize(std::min(name.size(), room));
  const Result<VirtualPath> path = target.parent().child(name);
  return path ? *path : target;
}

bool is_partial_name(std::string_view name) {
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return name.size() > digits && name[digits] == '.' && std::ranges::all_of(name.substr(0, digits), is_digit);
}

bool has_partial_name(const VirtualPath& path) {
  std::string_view rest = path.text();
  for (std::size_t at = rest.find(prefix); at != std::string_view::npos; at = rest.find(prefix)) {
    const bool begins = at > 0 && rest[at - 1] == '/';
    rest.remove_prefix(at);
    if (begins && is_partial_name(rest.substr(0, rest.find('/')))) return true;
    rest.remove_prefix(prefix.size());
  }
  return false;
}

}  // namespace ferry::session
