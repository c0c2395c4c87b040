#include <limits>
#include <nlohmann/json.hpp>

#include "config/value.h"

namespace ferry::config {

namespace {

Value convert(const nlohmann::json& json) {
  Value value;
  if (json.is_boolean()) {
    value.type = Value::Type::boolean;
    value.boolean = json.get<bool>();
  } else if (json.is_number_unsigned() && json.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
    value.type = Value::Type::number;
    value.number = json.get<double>();
  } else if (json.is_number_integer()) {
    value.type = Value::Type::integer;
    value.integer = json.get<std::int64_t>();
  } else if (json.is_number()) {
    value.type = Value::Type::number;
    value.number = json.get<double>();
  } else if (json.is_string()) {
    value = Value::of_text(json.get_ref<const std::string&>());
  } else if (json.is_array()) {
    value.type = Value::Type::list;
    for (const auto& item : json) value.list.push_back(convert(item));
  } else if (json.is_object()) {
    value.type = Value::Type::map;
    for (const auto& [name, item] : json.items()) value.map.emplace_back(name, convert(item));
  }
  return value;
}

}  // namespace

Result<Value> parse_json(std::string_view text, const std::filesystem::path& file) {
  // The parser recurses: what nests deeper than any configuration is refused before it is converted.
  bool too_deep = false;
  const auto depth_limit = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    too_deep = too_deep || depth > 32;
    return !too_deep;
  };
  try {
    const auto json = nlohmann::json::parse(text, depth_limit);
    if (too_deep) return fail(ErrorCode::invalid_argument, file.string() + ": nested too deeply");
    return convert(json);
  } catch (const nlohmann::json::exception& error) {
    std::string_view what = error.what();
    if (const auto bracket = what.find("] "); bracket != std::string_view::npos) what.remove_prefix(bracket + 2);
    return fail(ErrorCode::invalid_argument, file.string() + ": not valid JSON: " + std::string(what));
  }
}

}  // namespace ferry::config
