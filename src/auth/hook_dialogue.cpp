#include "auth/hook_dialogue.h"

#include <boost/asio/steady_timer.hpp>

#include "auth/hook_peer.h"
#include "events/hook_child.h"

namespace ferry::auth {

namespace {

DialogueTurn refused() {
  DialogueTurn turn;
  turn.outcome = fail(ErrorCode::authentication_failed, "refused");
  return turn;
}

class HookDialogue final : public Dialogue {
 public:
  HookDialogue(Authenticator& authenticator, LoginRequest request, const InteractiveHook& hook)
      : authenticator_(authenticator), request_(std::move(request)), hook_(hook) {
    counted_ = hook_.open->fetch_add(1) < hook_.most_at_once;
    if (!counted_) --*hook_.open;
  }
  ~HookDialogue() override {
    if (peer_) peer_->give_up();
    if (counted_) --*hook_.open;
  }

  Task<DialogueTurn> next(std::vector<crypto::Secret> answers) override {
    if (!peer_) {
      if (!counted_) co_return refuse("too many hooks at once", LoginReport::Outcome::undecided);
      const auto prepared = co_await authenticator_.prepare(request_);
      if (!prepared) co_return refused();  // reported
      request_.prepared = true;
      co_await start();
    } else if (message_.check != HookMessage::Check::none) {
      const Result<void> right = co_await check(std::move(answers.at(0)));
      if (!right) co_return refused();  // reported
      answers.clear();
      answers.emplace_back(std::string_view("OK"));
    }
    std::vector<std::string> asked;
    for (const Question& question : message_.questions) asked.push_back(question.text);
    auto message = co_await peer_->next(std::move(asked), std::move(answers));
    if (!message) co_return refuse("the hook: " + message.error().message, LoginReport::Outcome::undecided);
    message_ = std::move(*message);
    if (!message_.finished) co_return ask();
    if (!message_.success) co_return refuse("the hook says no", LoginReport::Outcome::refused);
    request_.vouched = true;
    DialogueTurn end;
    end.outcome = co_await authenticator_.login(request_);
    co_return end;
  }

 private:
  Task<void> start() {
    HookUser user{request_.username, request_.client_ip, {}};
    user.password_hash = co_await authenticator_.password_hash(request_.username);
    auto limit = hook_.limit;
    if (events::is_url(hook_.where)) {
      peer_ = make_url_peer(hook_.hooks->client(), hook_.where, std::move(user));
    } else {
      auto program = interactive_program(hook_.hooks->options(), hook_.where, user, hook_.limit);
      if (program) limit = program->limit;
      peer_ = make_program_peer(std::move(program));
    }
    const auto executor = co_await asio::this_coro::executor;
    timer_ = std::make_unique<asio::steady_timer>(executor, limit);
    timer_->async_wait([peer = std::weak_ptr(peer_)](const boost::system::error_code& cancelled) {
      if (const auto still = peer.lock(); still && !cancelled) still->give_up();
    });
  }

  Task<Result<void>> check(crypto::Secret answer) {
    LoginRequest part = request_;
    Result<void> right;
    if (message_.check == HookMessage::Check::password) {
      part.password = std::move(answer);
      right = co_await authenticator_.check_password(std::move(part));
    } else {
      part.code.emplace(std::move(answer));
      right = co_await authenticator_.check_code(std::move(part));
    }
    co_return right;
  }

  DialogueTurn ask() const {
    DialogueTurn turn;
    turn.questions = message_.questions;
    turn.instruction = message_.instruction;
    return turn;
  }

  DialogueTurn refuse(std::string why, LoginReport::Outcome outcome) {
    LoginReport report = report_of(request_);
    report.outcome = outcome;
    report.why = std::move(why);
    authenticator_.report(report);
    return refused();
  }

  Authenticator& authenticator_;
  LoginRequest request_;
  const InteractiveHook hook_;
  bool counted_ = false;
  std::shared_ptr<HookPeer> peer_;
  std::unique_ptr<asio::steady_timer> timer_;
  HookMessage message_;
};

}  // namespace

std::unique_ptr<Dialogue> make_hook_dialogue(Authenticator& authenticator, LoginRequest request,
                                             const InteractiveHook& hook) {
  return std::make_unique<HookDialogue>(authenticator, std::move(request), hook);
}

}  // namespace ferry::auth
