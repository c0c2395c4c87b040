#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "config/value.h"

namespace ferry::config {

namespace {

// Anchors can make a small file huge: the number of values is bounded.
struct Budget {
  int values = 100'000;
};

bool convert(const YAML::Node& node, int depth, Budget& budget, Value& into);

// The merge key "<<" (yaml.org/type/merge.html): the keys of the maps it names that are not in the map itself; of
// several maps the first that has a key counts.
bool merge(const YAML::Node& node, int depth, Budget& budget, Value& into) {
  if (depth > 32 || --budget.values < 0) return false;
  if (node.IsSequence()) {
    for (const auto& item : node) {
      if (!item.IsMap() || !merge(item, depth + 1, budget, into)) return false;
    }
    return true;
  }
  Value other;
  if (!node.IsMap() || !convert(node, depth + 1, budget, other)) return false;
  for (auto& [name, value] : other.map) {
    const auto same = [&](const auto& entry) { return entry.first == name; };
    if (std::ranges::none_of(into.map, same)) into.map.emplace_back(std::move(name), std::move(value));
  }
  return true;
}

bool is_merge_key(const YAML::Node& key) { return key.Scalar() == "<<" && key.Tag() != "!"; }

bool convert(const YAML::Node& node, int depth, Budget& budget, Value& into) {
  if (depth > 32 || --budget.values < 0) return false;
  if (node.IsScalar()) {
    // yaml-cpp's tag of a plain scalar is "?", of a quoted one "!".
    into = Value::of_text(node.Scalar(), node.Tag() == "!" ? Value::Type::text : Value::Type::untyped);
  } else if (node.IsSequence()) {
    into.type = Value::Type::list;
    for (const auto& item : node) {
      if (!convert(item, depth + 1, budget, into.list.emplace_back())) return false;
    }
  } else if (node.IsMap()) {
    into.type = Value::Type::map;
    for (const auto& item : node) {
      if (!item.first.IsScalar()) return false;
      if (is_merge_key(item.first)) continue;
      if (!convert(item.second, depth + 1, budget, into.map.emplace_back(item.first.Scalar(), Value{}).second)) {
        return false;
      }
    }
    for (const auto& item : node) {
      if (is_merge_key(item.first) && !merge(item.second, depth + 1, budget, into)) return false;
    }
  }
  return true;
}

}  // namespace

Result<Value> parse_yaml(std::string_view text, const std::filesystem::path& file) {
  try {
    Value value;
    Budget budget;
    if (convert(YAML::Load(std::string(text)), 0, budget, value)) return value;
    return fail(
        ErrorCode::invalid_argument,
        file.string() + ": nested too deeply, too large, with keys of no text or \"<<\" with something else than maps");
  } catch (const YAML::Exception& error) {
    return fail(ErrorCode::invalid_argument,
                file.string() + ": not valid YAML: line " + std::to_string(error.mark.line + 1) + ": " + error.msg);
  }
}

}  // namespace ferry::config
