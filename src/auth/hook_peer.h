// The two kinds of hooks, as a dialogue sees them. Private to src/auth.
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
  // Hands over the answers to the last message's questions (none at first) and takes the next message. Any error
  // means that there will be none.
  virtual Task<Result<HookMessage>> next(std::vector<std::string> questions, std::vector<crypto::Secret> answers) = 0;
  // The time is over, or nobody listens any more: a next() that still waits ends with an error.
  virtual void give_up() = 0;
};

struct HookUser {
  std::string username, ip, password_hash;
};

Result<events::HookProgram> interactive_program(const events::HookOptions& options, const std::string& path,
                                                const HookUser& user, std::chrono::seconds limit);
// An error of `program` comes out of the first next().
std::shared_ptr<HookPeer> make_program_peer(Result<events::HookProgram> program);
std::shared_ptr<HookPeer> make_url_peer(http::Client& client, std::string url, HookUser user);

}  // namespace ferry::auth
