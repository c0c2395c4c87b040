#include "events/hook_child.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>

#include "base/log.h"

namespace ferry::events {

namespace {

constexpr std::size_t most_logged = 4096;  // of what it writes to standard error

using Variables = std::map<std::string, std::string, std::less<>>;

void set_all(Variables& variables, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    const std::size_t end = std::min(line.find('='), line.size());
    variables.insert_or_assign(line.substr(0, end), end < line.size() ? line.substr(end + 1) : std::string());
  }
}

// What is meant for this hook alone comes before what is for any.
const HookOptions::Command* command_of(const HookOptions& options, std::string_view hook, std::string_view path) {
  const HookOptions::Command* found = nullptr;
  for (const HookOptions::Command& command : options.commands) {
    if (command.path != path) continue;
    if (command.hook == hook) return &command;
    if (command.hook.empty() && found == nullptr) found = &command;
  }
  return found;
}

// execve(2): MAX_ARG_STRLEN is 32 pages, the final zero included.
constexpr std::size_t longest_text = std::size_t{32} * 4096;
constexpr std::size_t most_in_all = std::size_t{6} << 20;  // whatever the stack limit is
constexpr std::size_t shortest_text = 1024;                // no variable is cut below this
constexpr std::size_t room_for_rest = 64 * 1024;           // of the program's path, its arguments, what the kernel adds

// Of all texts and their pointers, as the kernel counts them.
std::size_t size_of(const Variables& variables) {
  std::size_t size = 0;
  for (const auto& [name, value] : variables) size += name.size() + value.size() + 2 + sizeof(char*);
  return size;
}

// At most `limit` bytes; no character of UTF-8 is torn.
void cut(std::string& text, std::size_t limit) {
  if (text.size() <= limit) return;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0U) == 0x80U) --limit;
  text.resize(limit);
}

// Cuts those of `own` that are too long for the kernel, until all fit.
void make_fit(Variables& variables, const Pairs& own) {
  const long arg_max = ::sysconf(_SC_ARG_MAX);
  const std::size_t room = arg_max > 0 ? std::min(static_cast<std::size_t>(arg_max), most_in_all) : longest_text;
  std::string names;
  for (std::size_t limit = longest_text; limit >= shortest_text; limit /= 2) {
    for (const auto& [name, value] : own) {
      std::string& text = variables.find(name)->second;
      const std::size_t most = limit - std::min(limit, name.size() + 2);
      if (text.size() <= most) continue;
      if (text.size() == value.size()) names += (names.empty() ? "" : ",") + name;
      cut(text, most);
    }
    if (size_of(variables) + room_for_rest <= room) break;
  }
  if (!names.empty()) variables.insert_or_assign("FERRY_CUT", std::move(names));
}

}  // namespace

Result<HookProgram> hook_program(const HookOptions& options, std::string_view hook, const std::string& path,
                                 const Pairs& environment, std::chrono::seconds limit) {
  Variables variables;
  set_all(variables, {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent", "LC_ALL=C", "LANG=C"});
  set_all(variables, options.environment);
  HookProgram program;
  program.limit = limit.count() > 0 ? limit : options.timeout;
  if (const HookOptions::Command* command = command_of(options, hook, path)) {
    set_all(variables, command->environment);
    program.child.arguments = command->arguments;
    if (command->timeout.count() > 0) program.limit = command->timeout;
  }
  for (const auto& [name, value] : environment) {
    if (value.find('\0') != std::string::npos) {
      return fail(ErrorCode::invalid_argument, name + " has a zero byte");
    }
    variables.insert_or_assign(name, value);
  }
  make_fit(variables, environment);
  program.child.program = path;
  for (const auto& [name, value] : variables) program.child.environment.push_back(name + "=" + value);
  return program;
}

Error why_not_started(Error error, const std::string& path) {
  if (error.code != ErrorCode::not_found) return error;
  std::ifstream file(path, std::ios::binary);
  std::string line;
  constexpr std::size_t longest_first_line = 256;
  for (char c = 0; line.size() < longest_first_line && file.get(c) && c != '\n';) line += c;
  if (!line.starts_with("#!")) return error;
  line.erase(0, 2);
  if (line.ends_with('\r')) {
    error.message += ": its first line ends with CR LF; the lines of a script must end with LF alone";
  } else {
    error.message += ": the interpreter that its first line names is not there: " + line;
  }
  return error;
}

Task<void> log_errors(std::shared_ptr<Child> child, std::string hook, std::string path) {
  std::string text;
  std::array<std::byte, 1024> piece;
  while (true) {
    const auto count = co_await child->read_errors(piece);
    if (!count || *count == 0) break;
    text += as_text(ByteSpan(piece).first(std::min(*count, most_logged - text.size())));
  }
  if (!text.empty()) log::warn("hooks", "", "{}: {}: {}", hook, path, text);
}

}  // namespace ferry::events
