#include <algorithm>
#include <cctype>

#include "config/value.h"

namespace ferry::config {

namespace {

bool is_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// What stands behind the '='; no value when a quote is not closed or text follows it.
bool unquote(std::string_view raw, std::string& out) {
  out.clear();
  if (raw.empty() || (raw.front() != '"' && raw.front() != '\'')) {
    out = trimmed(raw.substr(0, raw.find(" #")));
    return true;
  }
  const char quote = raw.front();
  std::size_t i = 1;
  for (; i < raw.size() && raw[i] != quote; ++i) {
    if (quote == '"' && raw[i] == '\\' && i + 1 < raw.size()) {
      ++i;
      out += raw[i] == 'n' ? '\n' : raw[i];
    } else {
      out += raw[i];
    }
  }
  if (i >= raw.size()) return false;
  const std::string_view after = trimmed(raw.substr(i + 1));
  return after.empty() || after.front() == '#';
}

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

}  // namespace

Result<Environment> parse_env(std::string_view text, const std::filesystem::path& file) {
  Environment found;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    if (line.starts_with("export ")) line = trimmed(line.substr(7));
    const std::size_t equals = line.find('=');
    const std::string_view name = trimmed(line.substr(0, equals));
    std::string value;
    if (equals == std::string_view::npos || !is_name(name) || !unquote(trimmed(line.substr(equals + 1)), value)) {
      return fail(ErrorCode::invalid_argument,
                  file.string() + ": line " + std::to_string(number) + ": expected NAME=value");
    }
    found.insert_or_assign(std::string(name), std::move(value));
  }
  return found;
}

Value tree_of(const Environment& environment, std::string_view prefix) {
  Value root;
  root.type = Value::Type::map;
  for (const auto& [variable, text] : environment) {
    std::string_view rest = variable;
    if (!rest.starts_with(prefix)) continue;
    rest.remove_prefix(prefix.size());
    if (rest.find("__") == std::string_view::npos) continue;
    Value* place = &root;
    while (true) {
      const std::size_t end = rest.find("__");
      place = &place->entry(lowered(rest.substr(0, end)));
      if (end == std::string_view::npos) break;
      place->type = Value::Type::map;
      rest.remove_prefix(end + 2);
    }
    if (place->type == Value::Type::map) continue;  // A__B beside A__B__C: the longer one says more
    place->type = Value::Type::untyped;
    place->text = text;
    place->variable = variable;
  }
  return root;
}

}  // namespace ferry::config
