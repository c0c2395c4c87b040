#include "config/apply.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "config/nearest.h"
#include "config/schema.h"

namespace ferry::config {

namespace {

struct Context {
  const std::string& origin;
  std::vector<std::string>& warnings;
};

// The variable that first brought this key in.
const std::string& variable_of(const Value& value) {
  if (value.type != Value::Type::map || value.map.empty()) return value.variable;
  return variable_of(value.map.front().second);
}

// What stands there, as a message shows it: "a list", "a string \"abc\"".
std::string shown(const Value& value) {
  constexpr std::size_t longest = 64;
  std::string text(value.type_name());
  if (value.type == Value::Type::text || value.type == Value::Type::untyped) {
    text += " \"" + value.text.substr(0, longest) + (value.text.size() > longest ? "...\"" : "\"");
  }
  return text;
}

std::unexpected<Error> wrong(const Context& context, const std::string& path, const Value& value,
                             const std::string& expected, const std::string& found = {}) {
  const std::string& variable = variable_of(value);
  const std::string where =
      variable.empty() ? context.origin + ": " + path : "environment variable " + variable + " (" + path + ")";
  return fail(ErrorCode::invalid_argument,
              where + ": expected " + expected + ", found " + (found.empty() ? shown(value) : found));
}

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T number{};
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<bool> as_boolean(const Value& value) {
  if (value.type == Value::Type::boolean) return value.boolean;
  if (value.type != Value::Type::untyped) return std::nullopt;
  std::string text = value.text;
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const std::string_view yes : {"1", "t", "true", "yes", "on"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "false", "no", "off"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

std::optional<std::int64_t> as_integer(const Value& value) {
  if (value.type == Value::Type::integer) return value.integer;
  if (value.type == Value::Type::untyped) return parse_number<std::int64_t>(value.text);
  // A whole number written as 15.0.
  if (value.type == Value::Type::number && std::abs(value.number) < 9e15 && std::trunc(value.number) == value.number) {
    return static_cast<std::int64_t>(value.number);
  }
  return std::nullopt;
}

std::optional<double> as_number(const Value& value) {
  std::optional<double> number;
  if (value.type == Value::Type::integer) number = static_cast<double>(value.integer);
  if (value.type == Value::Type::number) number = value.number;
  if (value.type == Value::Type::untyped) number = parse_number<double>(value.text);
  if (number && !std::isfinite(*number)) number.reset();
  return number;
}

bool is_text(const Value& value) { return value.type == Value::Type::text || value.type == Value::Type::untyped; }

// A list, or comma-separated text from where there are no types.
std::optional<std::vector<std::string>> as_text_list(const Value& value) {
  std::vector<std::string> items;
  if (value.type == Value::Type::untyped) {
    std::string_view rest = value.text;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      std::string_view item = rest.substr(0, comma);
      while (item.starts_with(' ')) item.remove_prefix(1);
      while (item.ends_with(' ')) item.remove_suffix(1);
      if (!item.empty()) items.emplace_back(item);
      rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
    return items;
  }
  if (value.type != Value::Type::list) return std::nullopt;
  for (const Value& item : value.list) {
    if (!is_text(item)) return std::nullopt;
    items.push_back(item.text);
  }
  return items;
}

Result<void> apply_object(const Schema& schema, void* object, const Value& value, const std::string& path,
                          const Context& context);

// A list replaces what was there; a map of indexes (from the environment) changes and appends.
Result<void> apply_object_list(const Row& row, void* list, const Value& value, const std::string& path,
                               const Context& context) {
  const auto element = [&](std::size_t index, const Value& item) -> Result<void> {
    return apply_object(row.nested(), row.element(list, index), item, path + "[" + std::to_string(index) + "]",
                        context);
  };
  if (value.type == Value::Type::list) {
    row.resize(list, -static_cast<std::ptrdiff_t>(row.resize(list, 0)));
    for (const Value& item : value.list) {
      const std::size_t size = row.resize(list, 1);
      if (auto applied = element(size - 1, item); !applied) return applied;
    }
    return {};
  }
  if (value.type != Value::Type::map) return wrong(context, path, value, "a list of objects");
  std::vector<std::pair<unsigned, const Value*>> indexes;
  for (const auto& [name, item] : value.map) {
    const auto index = parse_number<unsigned>(name);
    if (!index) return wrong(context, path, value, "a list of objects");
    indexes.emplace_back(*index, &item);
  }
  std::ranges::sort(indexes, {}, [](const auto& entry) { return entry.first; });
  const std::size_t given = row.resize(list, 0);
  for (const auto& [index, item] : indexes) {
    const std::size_t place = index < given ? index : row.resize(list, 1) - 1;
    if (auto applied = element(place, *item); !applied) return applied;
  }
  return {};
}

Result<void> apply_number(const Row& row, void* member, const Value& value, const std::string& path,
                          const Context& context) {
  const auto number = as_number(value);
  if (!number) return wrong(context, path, value, "a number");
  if (*number < static_cast<double>(row.check.least) || *number > static_cast<double>(row.check.most)) {
    return wrong(context, path, value, "a number of at least " + std::to_string(row.check.least),
                 std::to_string(*number));
  }
  *static_cast<double*>(member) = *number;
  return {};
}

// The items of a list by their index, as the environment names them (KEY__0=a): changed, or appended in their order.
std::optional<std::vector<std::string>> with_indexes(std::vector<std::string> items, const Value& value) {
  std::map<unsigned, std::string> indexed;
  for (const auto& [name, item] : value.map) {
    const auto index = parse_number<unsigned>(name);
    if (!index || !is_text(item)) return std::nullopt;
    indexed[*index] = item.text;
  }
  const std::size_t given = items.size();
  for (auto& [index, text] : indexed) {
    if (index < given) {
      items[index] = std::move(text);
    } else {
      items.push_back(std::move(text));
    }
  }
  return items;
}

Result<void> apply_text_list(const Row& row, void* member, const Value& value, const std::string& path,
                             const Context& context) {
  const auto& present = *static_cast<const std::vector<std::string>*>(member);
  auto items = value.type == Value::Type::map ? with_indexes(present, value) : as_text_list(value);
  if (!items) return wrong(context, path, value, "a list of strings");
  for (const std::string& item : *items) {
    if (!row.check.allows(item)) return wrong(context, path, value, row.check.text_form(), "\"" + item + "\"");
  }
  *static_cast<std::vector<std::string>*>(member) = std::move(*items);
  return {};
}

Result<void> apply_row(const Row& row, void* object, const Value& value, const std::string& path,
                       const Context& context) {
  if (value.type == Value::Type::null) return {};  // a key with nothing behind it keeps its default
  void* member = row.member(object);
  switch (row.kind) {
    case Kind::boolean: {
      const auto boolean = as_boolean(value);
      if (!boolean) return wrong(context, path, value, "true or false");
      *static_cast<bool*>(member) = *boolean;
      return {};
    }
    case Kind::integer: {
      const auto integer = as_integer(value);
      if (!integer) return wrong(context, path, value, row.check.integer_form());
      if (!row.check.allows(*integer)) {
        return wrong(context, path, value, row.check.integer_form(), std::to_string(*integer));
      }
      row.set_integer(member, *integer);
      return {};
    }
    case Kind::number: return apply_number(row, member, value, path, context);
    case Kind::text:
      if (!is_text(value)) return wrong(context, path, value, row.check.text_form());
      if (!row.check.allows(value.text)) {
        return wrong(context, path, value, row.check.text_form(), "\"" + value.text + "\"");
      }
      *static_cast<std::string*>(member) = value.text;
      return {};
    case Kind::text_list: return apply_text_list(row, member, value, path, context);
    case Kind::object: return apply_object(row.nested(), member, value, path, context);
    case Kind::object_list: return apply_object_list(row, member, value, path, context);
  }
  return {};
}

Result<void> apply_object(const Schema& schema, void* object, const Value& value, const std::string& path,
                          const Context& context) {
  if (value.type == Value::Type::null) return {};
  if (value.type != Value::Type::map) return wrong(context, path.empty() ? "document" : path, value, "an object");
  for (const auto& [name, item] : value.map) {
    const std::string key = path.empty() ? name : path + "." + name;
    const Row* row = schema.find(name);
    if (row == nullptr) {
      const std::string& variable = variable_of(item);
      const std::string where = variable.empty() ? context.origin : "environment variable " + variable;
      context.warnings.push_back(where + ": unknown key " + key + " is ignored; the nearest known key is " +
                                 nearest_key(schema, path, name));
      continue;
    }
    if (auto applied = apply_row(*row, object, item, key, context); !applied) return applied;
  }
  return {};
}

}  // namespace

Result<void> apply(const Value& document, const std::string& origin, Config& config,
                   std::vector<std::string>& warnings) {
  return apply_object(schema<Config>(), &config, document, "", Context{origin, warnings});
}

}  // namespace ferry::config
