// Logins by question and answer: what keyboard-interactive of SSH asks, and what the answers lead to.
//
//   auto dialogue = make_password_dialogue(authenticator, request);
//   Turn turn = co_await dialogue->next({});
//   while (turn.questions) ... turn = co_await dialogue->next(answers);
//   ... turn.outcome
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/login.h"
#include "base/task.h"
#include "crypto/secret.h"

namespace ferry::auth {

struct Question {
  std::string text;
  bool echo = false;
};

// Either questions, or the end of the dialogue.
struct Turn {
  std::optional<std::vector<Question>> questions;
  std::string instruction;
  Result<LoginOutcome> outcome = fail(ErrorCode::authentication_failed, "not finished");
};

// May be destroyed between two turns: the client has gone. Not called again after a turn without questions.
class Dialogue {
 public:
  virtual ~Dialogue() = default;
  // Goes on with the answers to the last turn's questions, one for each; none begins. authentication_failed is the
  // outcome's only error, and it has been logged.
  virtual Task<Turn> next(std::vector<crypto::Secret> answers) = 0;
};

// "Password: ", then "Authentication code: " for an account with one-time codes; each in a turn of its own, which is
// how clients expect it. The authenticator must outlive it. `request` is of method keyboard_interactive.
std::unique_ptr<Dialogue> make_password_dialogue(Authenticator& authenticator, LoginRequest request);

}  // namespace ferry::auth
