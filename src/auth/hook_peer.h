// The two kinds of hooks, as a dialogue sees them. Private to src/auth.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "auth/hook_dialogue.h"
#include "auth/hook_message.h"
#include "base/task.h"

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

std::shared_ptr<HookPeer> make_program_peer(std::string path, HookUser user);
std::shared_ptr<HookPeer> make_url_peer(http::Client& client, std::string url, HookUser user);

}  // namespace ferry::auth
