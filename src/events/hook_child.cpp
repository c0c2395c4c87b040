#include "events/hook_child.h"

#include <algorithm>
#include <array>
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
  program.child.program = path;
  for (const auto& [name, value] : variables) program.child.environment.push_back(name + "=" + value);
  return program;
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
