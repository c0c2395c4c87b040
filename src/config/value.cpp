#include "config/value.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace ferry::config {

std::string_view Value::type_name() const {
  switch (type) {
    case Type::null: return "nothing";
    case Type::boolean: return "a boolean";
    case Type::integer: return "an integer";
    case Type::number: return "a number";
    case Type::text:
    case Type::untyped: return "a string";
    case Type::list: return "a list";
    case Type::map: return "an object";
  }
  return "nothing";
}

Value& Value::entry(std::string_view name) {
  for (auto& [key, value] : map) {
    if (key == name) return value;
  }
  return map.emplace_back(std::string(name), Value{}).second;
}

Value Value::of_text(std::string_view text, Type type) {
  Value value;
  value.type = type;
  value.text = text;
  return value;
}

Result<std::string> read_text(const std::filesystem::path& file) {
  constexpr std::size_t limit = 4 * 1024 * 1024;
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return fail_errno(errno, file.string() + ": cannot be read");
  std::string text;
  std::array<char, 65536> buffer;
  struct stat info {};
  bool good = ::fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode);
  while (good && text.size() <= limit) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) break;
    good = count > 0;
    if (good) text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  ::close(descriptor);
  if (!good) return fail(ErrorCode::invalid_argument, file.string() + ": expected a readable regular file");
  if (text.size() > limit) return fail(ErrorCode::invalid_argument, file.string() + ": larger than 4 MiB");
  return text;
}

Result<Value> read_file(const std::filesystem::path& file, const Environment& known) {
  const std::string extension = file.extension().string();
  const bool yaml = extension == ".yaml" || extension == ".yml";
  if (!yaml && extension != ".json" && extension != ".toml" && extension != ".env") {
    return fail(ErrorCode::invalid_argument,
                file.string() + ": expected a name that ends in .json, .yaml, .yml, .toml or .env");
  }
  auto text = read_text(file);
  if (!text) return fail(text.error());
  if (yaml) return parse_yaml(*text, file);
  if (extension == ".json") return parse_json(*text, file);
  if (extension == ".toml") return parse_toml(*text, file);
  auto variables = parse_env(*text, file, known);
  if (!variables) return fail(variables.error());
  Environment named;  // without the prefix
  for (auto& [name, value] : *variables) {
    std::string_view rest = name;
    for (const std::string_view prefix : {"FERRY_", "SFTPGO_"}) {
      if (rest.starts_with(prefix)) rest.remove_prefix(prefix.size());
    }
    named.insert_or_assign(std::string(rest), std::move(value));
  }
  return tree_of(named, "");
}

}  // namespace ferry::config
