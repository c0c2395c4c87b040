// keyboard-interactive (RFC 4256).
#include <algorithm>

#include "tests/unit/ssh/auth_client.h"
#include "tests/unit/ssh/packet_support.h"

namespace ferry::ssh::test {
namespace {

struct Dialogue : Auth {
  explicit Dialogue(std::vector<Questions> script, int max_tries = 6) : Auth({max_tries, 4}) {
    handler.dialogue = std::move(script);
    start();
  }
  void begin() { server.say(dialogue_request("user")); }
  // Takes an INFO_REQUEST and checks it.
  void expect_questions(const Questions& questions) {
    ASSERT_FALSE(server.error) << server.error->message;
    ByteWriter out;
    out.u8(60).string(std::string_view()).string(questions.instruction).string(std::string_view());
    out.u32(static_cast<std::uint32_t>(questions.prompts.size()));
    for (const auto& prompt : questions.prompts) out.string(prompt.text).boolean(prompt.echo);
    EXPECT_EQ(client.take(msg::userauth_info_request), out.take());
    EXPECT_FALSE(server.authenticated);
  }
  long called(std::string_view call) { return std::ranges::count(handler.calls, call); }
};

const Questions password_only{.instruction = {}, .prompts = {{"Password: ", false}}};
const Questions code_only{.instruction = "Look at your phone.", .prompts = {{"Code: ", true}}};
const Questions both{.instruction = {}, .prompts = {{"Name: ", true}, {"Password: ", false}}};

TEST(KeyboardInteractive, EachRoundIsARequestOfItsOwn) {
  Dialogue auth({code_only, password_only});
  auth.begin();
  auth.expect_questions(code_only);
  auth.server.say(answers({"123456"}));
  auth.expect_questions(password_only);
  auth.server.say(answers({"right"}));
  auth.expect_success();
  EXPECT_EQ(auth.called("answers 123456"), 1);
}

TEST(KeyboardInteractive, SeveralPromptsInOneRound) {
  Dialogue auth({both});
  auth.begin();
  auth.expect_questions(both);
  auth.server.say(answers({"", "right"}));
  auth.expect_success();
}

TEST(KeyboardInteractive, ARoundWithoutPrompts) {
  const Questions notice{.instruction = "Maintenance at noon.", .prompts = {}};
  Dialogue auth({password_only, notice});
  auth.begin();
  auth.expect_questions(password_only);
  auth.server.say(answers({"right"}));
  auth.expect_questions(notice);
  auth.server.say(answers({}));
  auth.expect_failure("publickey,password");  // this handler wants the password last
}

TEST(KeyboardInteractive, WrongAnswersCountAsFailures) {
  Dialogue auth({password_only}, 2);
  auth.begin();
  auth.expect_questions(password_only);
  auth.server.say(answers({"wrong"}));
  auth.expect_failure("publickey,password");
  auth.begin();
  auth.expect_questions(password_only);
  auth.server.say(answers({"wrong"}));
  auth.expect_refused(ErrorCode::authentication_failed);
}

TEST(KeyboardInteractive, RefusedAtOnce) {
  Dialogue auth({});
  auth.begin();
  auth.expect_failure("publickey,password");
}

// RFC 4256 section 3.4: another number of answers is a failure; nobody sees them.
TEST(KeyboardInteractive, AnotherNumberOfAnswers) {
  for (const Bytes& response :
       {answers({}), answers({"right", "right", "right"}), answers({"right"}),
        ByteWriter().u8(61).u32(0xffffffffU).take(), ByteWriter().u8(61).u32(3).bytes(pattern(100)).take()}) {
    Dialogue auth({both});
    auth.handler.none_is_enough = true;  // must not help
    auth.begin();
    auth.expect_questions(both);
    auth.server.say(response);
    auth.expect_failure("publickey,password");
    EXPECT_EQ(auth.called("abandon"), 1);
    auth.server.say(answers({"right", "right"}));
    auth.expect_refused();
  }
}

TEST(KeyboardInteractive, AnswersHaveALimit) {
  Dialogue longest({password_only}), longer({password_only});
  for (Dialogue* auth : {&longest, &longer}) {
    auth->handler.password.assign(auth == &longest ? 4096 : 4097, 'x');
    auth->begin();
    auth->expect_questions(password_only);
    auth->server.say(answers({auth->handler.password}));
  }
  longest.expect_success();
  longer.expect_failure("publickey,password");
}

TEST(KeyboardInteractive, MalformedAnswers) {
  const Bytes whole = answers({"some", "right"});
  Bytes trailing = whole;
  trailing.push_back(std::byte{0});
  std::vector<Bytes> bad{trailing};
  for (std::size_t size = 1; size < whole.size(); ++size) bad.emplace_back(whole.begin(), whole.begin() + size);
  for (const Bytes& response : bad) {
    Dialogue auth({both});
    auth.begin();
    auth.expect_questions(both);
    auth.server.say(response);
    auth.expect_refused();
    EXPECT_EQ(auth.called("answers some right"), 0);
  }
}

TEST(KeyboardInteractive, MalformedRequests) {
  const Bytes whole = dialogue_request("user");
  Bytes trailing = whole;
  trailing.push_back(std::byte{0});
  for (const Bytes& request :
       {trailing, Bytes(whole.begin(), whole.end() - 1), Bytes(whole.begin(), whole.end() - 7)}) {
    Dialogue auth({password_only});
    auth.server.say(request);
    auth.expect_refused();
    EXPECT_EQ(auth.called("dialogue user"), 0);
  }
}

TEST(KeyboardInteractive, AnswersThatNobodyAskedFor) {
  Dialogue auth({password_only});
  auth.server.say(answers({"right"}));
  auth.expect_refused();
  EXPECT_EQ(auth.called("answers right"), 0);
}

// RFC 4256 section 3.1: a new request ends the dialogue; late answers belong to nothing.
TEST(KeyboardInteractive, AnotherRequestEndsTheDialogue) {
  for (const Bytes& request : {none_request("user"), password_request("user", "wrong"), dialogue_request("user")}) {
    Dialogue auth({password_only});
    auth.begin();
    auth.expect_questions(password_only);
    auth.server.say(request);
    ASSERT_FALSE(auth.server.error);
    EXPECT_EQ(auth.called("abandon"), 1);
    if (request == dialogue_request("user")) continue;
    auth.server.say(answers({"right"}));
    auth.expect_refused();
    EXPECT_EQ(auth.called("answers right"), 0);
  }
}

TEST(KeyboardInteractive, RoundsEndSomewhere) {
  Dialogue auth(std::vector<Questions>(1000, password_only));
  auth.begin();
  int rounds = 0;
  while (auth.client.got(msg::userauth_info_request) && rounds < 1000) {
    auth.client.take(msg::userauth_info_request);
    ++rounds;
    auth.server.say(answers({"x"}));
  }
  EXPECT_EQ(rounds, 20);
  auth.expect_failure("publickey,password");
  EXPECT_EQ(auth.called("abandon"), 1);
}

TEST(KeyboardInteractive, TooMuchIsNotAsked) {
  Questions most = password_only, more = password_only, longer = password_only;
  most.prompts.resize(16, {"x", false});
  more.prompts.resize(17, {"x", false});
  longer.instruction.assign(20'000, 'x');
  Dialogue fits({most}), many({more}), huge({longer});
  fits.begin();
  fits.expect_questions(most);
  for (Dialogue* auth : {&many, &huge}) {
    auth->begin();
    auth->expect_failure("publickey,password");
    EXPECT_EQ(auth->called("abandon"), 1);
  }
}

}  // namespace
}  // namespace ferry::ssh::test
