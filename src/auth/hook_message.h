// The documented JSON that a keyboard-interactive hook and Ferry exchange.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/dialogue.h"
#include "base/error.h"

namespace ferry::auth {

// From the hook: questions for the client, or a verdict.
struct HookMessage {
  // Ferry is to check the one answer as the account's password or one-time code; the hook then gets "OK" instead of it.
  enum class Check { none, password, code };
  std::vector<Question> questions;
  std::string instruction;
  Check check = Check::none;
  bool finished = false, success = false;  // finished: no questions
};
// invalid_argument: not the JSON that is documented, or neither questions nor a verdict.
Result<HookMessage> parse_hook_message(std::string_view text);

// To a hook behind a URL.
struct UrlDialogueRequest {
  std::string request_id;
  int step = 1;
  std::string username, ip, password;  // password: the stored hash
  std::vector<std::string> answers, questions;
};
std::string to_json(const UrlDialogueRequest& request);

inline constexpr std::size_t longest_hook_message = 64 * 1024;

}  // namespace ferry::auth
