#include "config/nearest.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "config/config.h"

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

}  // namespace

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
