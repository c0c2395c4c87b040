#include <algorithm>
#include <cctype>
#include <functional>
#include <utility>

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

using Lookup = std::function<std::string(std::string_view name)>;

// Takes the $NAME or ${NAME} that `text` begins with off it. False: there is none, the dollar sign is one.
bool take_variable(std::string_view& text, const Lookup& lookup, std::string& out) {
  const bool braces = text.starts_with("${");
  std::string_view rest = text.substr(braces ? 2 : 1);
  const std::size_t end = std::min(rest.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), rest.size());
  if (end == 0 || (braces && (end == rest.size() || rest[end] != '}'))) return false;
  out += lookup(rest.substr(0, end));
  text = rest.substr(end + (braces ? 1 : 0));
  return true;
}

std::string expanded(std::string_view text, const Lookup& lookup) {
  std::string out;
  while (!text.empty()) {
    if (text.starts_with("\\$")) {
      out += '$';
      text.remove_prefix(2);
    } else if (text.front() != '$' || !take_variable(text, lookup, out)) {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

// The text of a value in double quotes from behind the first one; false: they are not closed. `text` becomes the rest.
bool take_quoted(std::string_view& text, const Lookup& lookup, std::string& out) {
  while (!text.empty()) {
    const char c = text.front();
    if (c == '$' && take_variable(text, lookup, out)) continue;
    text.remove_prefix(1);
    if (c == '"') return true;
    if (c == '\\' && !text.empty()) {
      out += text.front() == 'n' ? '\n' : text.front();
      text.remove_prefix(1);
    } else {
      out += c;
    }
  }
  return false;
}

// What stands behind the '='; no value when a quote is not closed or text follows it.
bool unquote(std::string_view raw, const Lookup& lookup, std::string& out) {
  out.clear();
  if (raw.empty() || (raw.front() != '"' && raw.front() != '\'')) {
    out = expanded(trimmed(raw.substr(0, raw.find(" #"))), lookup);
    return true;
  }
  const char quote = raw.front();
  std::string_view rest = raw.substr(1);
  if (quote == '"') {
    if (!take_quoted(rest, lookup, out)) return false;
  } else {
    const std::size_t end = rest.find(quote);
    if (end == std::string_view::npos) return false;
    out = rest.substr(0, end);
    rest.remove_prefix(end + 1);
  }
  const std::string_view after = trimmed(rest);
  return after.empty() || after.front() == '#';
}

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

}  // namespace

Result<Environment> parse_env(std::string_view text, const std::filesystem::path& file, const Environment& known) {
  Environment found;
  const Lookup lookup = [&](std::string_view name) {
    for (const Environment* all : {&known, &std::as_const(found)}) {
      if (const auto one = all->find(name); one != all->end()) return one->second;
    }
    return std::string();
  };
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    if (line.starts_with("export ")) line = trimmed(line.substr(7));
    const std::size_t equals = line.find('=');
    const std::string_view name = trimmed(line.substr(0, equals));
    std::string value;
    if (equals == std::string_view::npos || !is_name(name) ||
        !unquote(trimmed(line.substr(equals + 1)), lookup, value)) {
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
