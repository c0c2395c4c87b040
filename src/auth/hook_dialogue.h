// keyboard-interactive led by a hook: a program that talks over its standard input and output, a line of JSON at a
// time, or a URL that is asked for every turn (docs/ssh-authentication.md).
//
// The hook decides about the credential. Ferry checks everything else of the account (status, addresses, ...) before
// the hook is asked and once more after its answer. A hook that hangs, crashes, writes too much or not the documented
// JSON is a refusal. It is also asked about accounts that do not exist, so that clients cannot tell which do.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "auth/dialogue.h"
#include "base/error.h"

namespace ferry::events {
class Hooks;
}

namespace ferry::auth {

struct InteractiveHook {
  std::string where;               // as events::check_hook has it
  events::Hooks* hooks = nullptr;  // outlives every dialogue's turns
  std::chrono::seconds limit{60};  // of a whole dialogue, unless the `command` section has another for this program
  int most_at_once = 64;           // dialogues; more are refused
  std::shared_ptr<std::atomic<int>> open = std::make_shared<std::atomic<int>>(0);  // dialogues that run now
};

// As make_password_dialogue. Belongs to the executor that calls next() first.
std::unique_ptr<Dialogue> make_hook_dialogue(Authenticator& authenticator, LoginRequest request,
                                             const InteractiveHook& hook);

}  // namespace ferry::auth
