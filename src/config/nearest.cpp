#include "config/nearest.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <vector>

namespace ferry::config {

namespace {

// Levenshtein's distance. Names in files are bounded by the file's size; what is too long is far from anything.
std::size_t distance(std::string_view a, std::string_view b) {
  if (a.size() > 64) return a.size();
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

std::string joined(std::string_view path, std::string_view name) {
  return path.empty() ? std::string(name) : std::string(path) + "." + std::string(name);
}

std::string find_elsewhere(const Schema& schema, std::string_view path, std::string_view name) {
  for (const Row& row : schema.rows()) {
    const std::string key = joined(path, row.name);
    if (row.name == name) return key;
    if (row.nested == nullptr) continue;
    const std::string below = row.kind == Kind::object_list ? key + "[]" : key;
    if (std::string found = find_elsewhere(row.nested(), below, name); !found.empty()) return found;
  }
  return {};
}

std::string_view without_underscores(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of('_'), text.size()));
  return text;
}

std::string_view digits_of(std::string_view text) { return text.substr(0, text.find_first_not_of("0123456789")); }

std::string upper(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

// How a variable's rest should be spelt to name a key below `siblings`; empty: there is no such key.
std::string spelt_right(const Schema& siblings, std::string_view rest) {
  for (const Row& row : siblings.rows()) {
    const std::string name = upper(row.name);
    if (!rest.starts_with(name)) continue;
    const std::string_view behind = rest.substr(name.size());
    if (row.nested == nullptr && behind.empty()) return name;
    if (!behind.starts_with('_')) continue;
    std::string_view below = without_underscores(behind);
    std::string index;
    if (row.kind == Kind::text_list && digits_of(below) == below && !below.empty())
      return name + "__" + std::string(below);
    if (row.nested == nullptr) continue;
    if (row.kind == Kind::object_list) {
      index = digits_of(below);
      if (index.empty()) continue;
      below = without_underscores(below.substr(index.size()));
      index = "__" + index;
    }
    if (std::string found = spelt_right(row.nested(), below); !found.empty()) return name + index + "__" + found;
  }
  return {};
}

}  // namespace

std::vector<std::string> misspelt_variables(const Environment& environment) {
  std::vector<std::string> warnings;
  for (const auto& [variable, text] : environment) {
    for (const std::string prefix : {"FERRY_", "SFTPGO_"}) {
      if (!variable.starts_with(prefix) || variable.find("__") != std::string::npos) continue;
      const std::string right = spelt_right(schema<Config>(), std::string_view(variable).substr(prefix.size()));
      if (right.empty()) continue;
      warnings.push_back("environment variable " + variable + ": not used; the key's variable is " + prefix + right);
    }
  }
  return warnings;
}

std::string nearest_key(const Schema& siblings, std::string_view path, std::string_view name) {
  const Row* best = nullptr;
  std::size_t least = 0;
  for (const Row& row : siblings.rows()) {
    const std::size_t apart = distance(name, row.name);
    if (best == nullptr || apart < least) {
      best = &row;
      least = apart;
    }
  }
  const std::size_t close = std::max<std::size_t>(2, name.size() / 3);
  if (best == nullptr || least > close) {
    if (std::string found = find_elsewhere(schema<Config>(), "", name); !found.empty()) return found;
  }
  return best == nullptr ? std::string(path) : joined(path, best->name);
}

}  // namespace ferry::config
