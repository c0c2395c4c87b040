// A keyboard-interactive hook, program or URL, behind one interface. Private to src/auth.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "auth/hook_dialogue.h"
#include "auth/hook_message.h"
#include "base/task.h"
#include "events/hook_child.h"

namespace ferry::auth {

class HookPeer {
 public:
  virtual ~HookPeer() = default;
  // Sends the answers to the questions of the last message (none at first) and waits for the hook's next message. Any
  // error ends the dialogue.
  virtual Task<Result<HookMessage>> next(std::vector<std::string> questions, std::vector<crypto::Secret> answers) = 0;
  // Ends a next() that waits with an error: the time limit has passed, or the client has disconnected.
  virtual void give_up() = 0;
};

struct HookUser {
  std::string username, ip, password_hash;
};

Result<events::HookProgram> interactive_program(const events::HookOptions& options, const std::string& path,
                                                const HookUser& user, std::chrono::seconds limit);
// When `program` is an error, the first next() answers it.
std::shared_ptr<HookPeer> make_program_peer(Result<events::HookProgram> program);
std::shared_ptr<HookPeer> make_url_peer(http::Client& client, std::string url, HookUser user);

}  // namespace ferry::auth
