// What every configuration format is read into, before the table gives it meaning.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "config/loader.h"

namespace ferry::config {

struct Value {
  enum class Type : std::uint8_t {
    null,
    boolean,
    integer,
    number,
    text,
    untyped,  // text whose type the key decides: the environment, plain YAML scalars
    list,
    map,
  };
  Type type = Type::null;
  bool boolean = false;
  std::int64_t integer = 0;
  double number = 0;
  std::string text;
  std::vector<Value> list;
  std::vector<std::pair<std::string, Value>> map;
  std::string variable;  // the environment variable it came from

  // "a string", "a list", ...
  std::string_view type_name() const;
  // The map's entry of this name, made when it is missing.
  Value& entry(std::string_view name);

  static Value of_text(std::string_view text, Type type = Type::text);
};

// By extension: .json, .yaml, .yml, .toml, .env, where `known` is what parse_env needs. The error names the file and,
// where known, the line.
Result<Value> read_file(const std::filesystem::path& file, const Environment& known = {});

// A regular file of at most 4 MiB.
Result<std::string> read_text(const std::filesystem::path& file);

// NAME=value lines with comments, "export", single and double quotes. Outside of single quotes $NAME and ${NAME}, of
// capital letters, digits and underscores, stand for what `known` or an earlier line says, for nothing when neither
// does;
// \$ is a dollar sign.
Result<Environment> parse_env(std::string_view text, const std::filesystem::path& file, const Environment& known = {});

// The variables prefix + SECTION__KEY__… as a tree; an empty prefix takes every name with "__" inside.
Value tree_of(const Environment& environment, std::string_view prefix);

// The formats, one file each.
Result<Value> parse_json(std::string_view text, const std::filesystem::path& file);
Result<Value> parse_yaml(std::string_view text, const std::filesystem::path& file);
Result<Value> parse_toml(std::string_view text, const std::filesystem::path& file);

}  // namespace ferry::config
