#include <toml++/toml.h>

#include "config/value.h"

namespace ferry::config {

namespace {

Value convert(const toml::node& node) {
  Value value;
  if (const auto* boolean = node.as_boolean()) {
    value.type = Value::Type::boolean;
    value.boolean = boolean->get();
  } else if (const auto* integer = node.as_integer()) {
    value.type = Value::Type::integer;
    value.integer = integer->get();
  } else if (const auto* number = node.as_floating_point()) {
    value.type = Value::Type::number;
    value.number = number->get();
  } else if (const auto* text = node.as_string()) {
    value = Value::of_text(text->get());
  } else if (const auto* array = node.as_array()) {
    value.type = Value::Type::list;
    for (const auto& item : *array) value.list.push_back(convert(item));
  } else if (const auto* table = node.as_table()) {
    value.type = Value::Type::map;
    for (const auto& [name, item] : *table) value.map.emplace_back(std::string(name.str()), convert(item));
  }
  return value;
}

}  // namespace

Result<Value> parse_toml(std::string_view text, const std::filesystem::path& file) {
  try {
    return convert(toml::parse(text));
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::invalid_argument, file.string() + ": not valid TOML: line " +
                                                 std::to_string(error.source().begin.line) + ": " +
                                                 std::string(error.description()));
  }
}

}  // namespace ferry::config
