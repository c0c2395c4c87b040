#include "store/dump_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "model/json.h"

namespace ferry::store {

namespace {

using Json = nlohmann::json;

constexpr std::size_t most_members = 64;
// One object of a list, or a member that is no list. Parsed, "{}," of three bytes takes some 80: 100 MB in one object
// would take gigabytes. A user with a thousand public keys has about 500 KB.
constexpr std::size_t largest_object = 4 * 1024 * 1024;
constexpr std::string_view blanks = " \t\r\n";

std::unexpected<Error> not_json() { return fail(ErrorCode::invalid_argument, "not valid JSON"); }

// Walks through the tokens of JSON, one value at a time.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(blanks), rest_.size())); }
  // Takes the character, and blanks around it.
  bool take(char c) {
    skip_blanks();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    skip_blanks();
    return true;
  }
  bool done() const { return rest_.empty(); }
  // One value: text up to its end. Of what is inside only quotes and brackets are looked at.
  Result<std::string_view> take_value();
  // The same, for what will be parsed as a whole: largest_object at most.
  Result<std::string_view> take_object();

 private:
  // The number of bytes of the text in quotes at the beginning of `text`; 0 when it does not end.
  static std::size_t quoted(std::string_view text);
  Result<std::size_t> structured() const;

  std::string_view rest_;
};

std::size_t Scanner::quoted(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return 0;
}

Result<std::size_t> Scanner::structured() const {
  std::size_t depth = 0;
  for (std::size_t i = 0; i < rest_.size(); ++i) {
    const char c = rest_[i];
    if (c == '"') {
      const std::size_t size = quoted(rest_.substr(i));
      if (size == 0) return not_json();
      i += size - 1;
    } else if (c == '[' || c == '{') {
      if (++depth > model::max_json_depth) {
        return fail(ErrorCode::invalid_argument, "the JSON is nested too deeply");
      }
    } else if ((c == ']' || c == '}') && --depth == 0) {
      return i + 1;
    }
  }
  return not_json();
}

Result<std::string_view> Scanner::take_value() {
  std::size_t size = 0;
  if (rest_.starts_with('"')) {
    size = quoted(rest_);
  } else if (rest_.starts_with('[') || rest_.starts_with('{')) {
    const auto end = structured();
    if (!end) return fail(end.error());
    size = *end;
  } else {
    size = std::min(rest_.find_first_of(",]}[{\": \t\r\n"), rest_.size());
  }
  if (size == 0) return not_json();
  const std::string_view value = rest_.substr(0, size);
  rest_.remove_prefix(size);
  skip_blanks();
  return value;
}

Result<std::string_view> Scanner::take_object() {
  auto value = take_value();
  if (value && value->size() > largest_object)
    return fail(ErrorCode::invalid_argument, "an object is larger than 4 MiB");
  return value;
}

}  // namespace

Result<DumpText> DumpText::read(std::string_view text) {
  Scanner scanner(text);
  DumpText dump;
  if (!scanner.take('{')) {
    const bool other = Json::accept(text.substr(0, std::min<std::size_t>(text.size(), 4096)));
    return fail(ErrorCode::invalid_argument, other ? "a JSON object expected" : "not valid JSON");
  }
  bool more = !scanner.take('}');
  while (more) {
    const auto quoted = scanner.take_object();
    if (!quoted) return fail(quoted.error());
    const Json name = Json::parse(*quoted, nullptr, false);
    if (!name.is_string() || !scanner.take(':')) return not_json();
    auto value = scanner.take_value();
    if (!value) return fail(value.error());
    if (!value->starts_with('[') && value->size() > largest_object) {
      return fail(ErrorCode::invalid_argument, "an object is larger than 4 MiB");
    }
    auto key = name.get<std::string>();
    if (std::ranges::find(dump.members_, key, &std::pair<std::string, std::string_view>::first) !=
        dump.members_.end()) {
      return fail(ErrorCode::invalid_argument, key.substr(0, 64) + ": stands twice");
    }
    if (dump.members_.size() == most_members) return fail(ErrorCode::invalid_argument, "too many lists");
    dump.members_.emplace_back(std::move(key), *value);
    more = scanner.take(',');
    if (!more && !scanner.take('}')) return not_json();
  }
  if (!scanner.done()) return not_json();
  return dump;
}

const std::string_view* DumpText::find(std::string_view name) const {
  for (const auto& [key, value] : members_) {
    if (key == name) return value == "null" ? nullptr : &value;
  }
  return nullptr;
}

Result<void> for_each_item(std::string_view list, const std::function<bool(std::string_view)>& act) {
  Scanner scanner(list);
  if (!scanner.take('[')) return fail(ErrorCode::invalid_argument, "a list expected");
  if (scanner.take(']')) return scanner.done() ? Result<void>() : not_json();
  while (true) {
    const auto item = scanner.take_object();
    if (!item) return fail(item.error());
    if (!act(*item)) return {};
    if (scanner.take(',')) continue;
    if (scanner.take(']') && scanner.done()) return {};
    return not_json();
  }
}

}  // namespace ferry::store
