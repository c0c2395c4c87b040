// How a hook's program is started: what hooks that are asked once (events/hook.h) share with those that lead a
// dialogue.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/child.h"
#include "events/hook.h"

namespace ferry::events {

struct HookProgram {
  ChildOptions child;
  std::chrono::seconds limit{30};
};

// As the `command` section has it. Of variables of one name the hook's own counts, then the command's, then the
// section's, then the minimal environment's. `limit` when the section has none for this command; 0: the section's.
// invalid_argument: a variable with a zero byte.
Result<HookProgram> hook_program(const HookOptions& options, std::string_view hook, const std::string& path,
                                 const Pairs& environment, std::chrono::seconds limit = std::chrono::seconds(0));

// Reads what it writes to standard error to the end, or it might wait for somebody to do so; logs its beginning.
Task<void> log_errors(std::shared_ptr<Child> child, std::string hook, std::string path);

}  // namespace ferry::events
