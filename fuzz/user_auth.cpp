// User authentication requests, any number of them, against a handler whose one way in is a password, given at once or
// as the second answer of a dialogue.
#include "ssh/auth/user_auth.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "fuzz/input.h"

using namespace ferry;

namespace {

constexpr std::string_view right_password = "correct horse";

class Handler : public ssh::ServerHandler {
 public:
  bool let_in = false;
  bool asking = false, alice = false;

  Task<ssh::AuthOutcome> authenticate_password(std::string user, crypto::Secret password) override {
    let_in = user == "alice" && password.text() == right_password;
    co_return ssh::AuthOutcome{let_in ? ssh::AuthOutcome::Verdict::success : ssh::AuthOutcome::Verdict::failure,
                               "publickey,password"};
  }
  Task<ssh::DialogueStep> begin_dialogue(std::string user) override {
    fuzz::require(!asking);
    asking = true;
    alice = user == "alice";
    co_return ssh::DialogueStep{.ask = ssh::Questions{.instruction = {}, .prompts = {{"1", true}, {"2", false}}},
                                .outcome = {}};
  }
  Task<ssh::DialogueStep> answer_dialogue(std::vector<crypto::Secret> answers) override {
    fuzz::require(asking && answers.size() == 2);
    asking = false;
    let_in = alice && answers[1].text() == right_password;
    co_return ssh::DialogueStep{
        .ask = {},
        .outcome = {let_in ? ssh::AuthOutcome::Verdict::success : ssh::AuthOutcome::Verdict::failure, "password"}};
  }
  void abandon_dialogue() override { asking = false; }
  // A probe may succeed; the signature that follows cannot: nobody has the key.
  Task<ssh::AuthOutcome> query_public_key(std::string /*user*/, ssh::PublicKey /*key*/) override {
    co_return ssh::AuthOutcome{ssh::AuthOutcome::Verdict::success, "publickey"};
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto options = std::make_shared<const ssh::TransportOptions>();
  fuzz::Input in(data, size);
  asio::io_context context;
  ssh::Transport transport(options);
  Handler handler;
  ssh::UserAuth auth(transport, handler, 6);
  while (!in.empty() && !auth.authenticated()) {
    // Its own allocation: reading past the message is seen.
    const ByteSpan message = in.message();
    if (message.empty()) continue;
    const Bytes payload(message.begin(), message.end());
    Result<void> handled;
    asio::co_spawn(context, auth.handle(payload), [&](std::exception_ptr thrown, Result<void> result) {
      fuzz::require(!thrown);
      handled = std::move(result);
    });
    context.run();
    context.restart();
    if (!handled) break;
  }
  fuzz::require(!auth.authenticated() || handler.let_in);
  return 0;
}
