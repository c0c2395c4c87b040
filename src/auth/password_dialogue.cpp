#include "auth/dialogue.h"

namespace ferry::auth {

namespace {

DialogueTurn ask(std::string text) {
  DialogueTurn turn;
  turn.questions.emplace().push_back({std::move(text), false});
  return turn;
}

class PasswordDialogue final : public Dialogue {
 public:
  PasswordDialogue(Authenticator& authenticator, LoginRequest request)
      : authenticator_(authenticator), request_(std::move(request)) {}

  Task<DialogueTurn> next(std::vector<crypto::Secret> answers) override {
    if (answers.empty()) co_return ask("Password: ");
    if (code_due_) {
      request_.code = std::move(answers[0]);
    } else {
      request_.password = std::move(answers[0]);
    }
    // With the code everything is checked again: the account may have changed while its owner looked for it.
    auto outcome = co_await authenticator_.login(request_);
    request_.prepared = true;
    if (outcome && outcome->code_due && !code_due_) {
      code_due_ = true;
      co_return ask("Authentication code: ");
    }
    DialogueTurn end;
    end.outcome = std::move(outcome);
    co_return end;
  }

 private:
  Authenticator& authenticator_;
  LoginRequest request_;
  bool code_due_ = false;
};

}  // namespace

std::unique_ptr<Dialogue> make_password_dialogue(Authenticator& authenticator, LoginRequest request) {
  return std::make_unique<PasswordDialogue>(authenticator, std::move(request));
}

}  // namespace ferry::auth
