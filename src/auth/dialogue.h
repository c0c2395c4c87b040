// Logins by questions and answers, for SSH's keyboard-interactive method (RFC 4256).
//
//   auto dialogue = make_password_dialogue(authenticator, request);
//   DialogueTurn turn = co_await dialogue->next({});
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
struct DialogueTurn {
  std::optional<std::vector<Question>> questions;
  std::string instruction;
  Result<LoginOutcome> outcome = fail(ErrorCode::authentication_failed, "not finished");
};

// May be destroyed while questions are open (the client has disconnected). next() is not called again after it has
// answered without questions.
class Dialogue {
 public:
  virtual ~Dialogue() = default;
  // Takes one answer for each question that was asked last; none on the first call. authentication_failed is the
  // outcome's only error, and it has been logged.
  virtual Task<DialogueTurn> next(std::vector<crypto::Secret> answers) = 0;
};

// Asks "Password: ", then, of an account with one-time codes, "Authentication code: ". They are asked one after the
// other, not together: clients that are given a password only answer the first request. The authenticator must outlive
// the dialogue. `request` is of method keyboard_interactive.
std::unique_ptr<Dialogue> make_password_dialogue(Authenticator& authenticator, LoginRequest request);

}  // namespace ferry::auth
