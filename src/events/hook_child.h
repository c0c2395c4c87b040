// How a hook's program is started. Shared by hooks that are asked once (events/hook.h) and those that lead a
// keyboard-interactive dialogue (auth/hook_dialogue.h).
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

// Applies the `command` section. When a variable is given more than once, the first of these counts: `environment`, the
// `env` of the entry in command.commands, command.env, the minimal environment. Time limit: that of the entry in
// command.commands; else `limit` when it is not 0; else command.timeout.
// The kernel starts no program with a longer text than 128 KiB in its environment, nor with more than a quarter of its
// stack limit in all: of `environment` the program gets what fits, and FERRY_CUT lists the names of those that were
// cut. invalid_argument: a variable with a zero byte.
Result<HookProgram> hook_program(const HookOptions& options, std::string_view hook, const std::string& path,
                                 const Pairs& environment, std::chrono::seconds limit = std::chrono::seconds(0));

// Why a program was not started, in the operator's words. not_found is also what the kernel says of a script whose
// first line ends with CR LF, as editors on Windows write it: it looks for the interpreter "/bin/sh\r". Reads the file;
// blocks.
Error why_not_started(Error error, const std::string& path);

// Reads standard error to its end and logs the first part. Without a reader the pipe would fill and the program would
// wait for ever.
Task<void> log_errors(std::shared_ptr<Child> child, std::string hook, std::string path);

}  // namespace ferry::events
