// Dialogues that a hook leads: real programs, good ones and bad ones.
#include "auth/hook_dialogue.h"

#include <sys/stat.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include "auth/hook_message.h"
#include "events/hook.h"
#include "tests/unit/auth/auth_fixture.h"
#include "tests/unit/auth/one_time_code.h"

namespace ferry::auth {
namespace {

class HookTest : public testing::Test {
 protected:
  HookTest() {
    std::signal(SIGPIPE, SIG_IGN);  // as the server does: a program may end before it has read its request
    std::string pattern = (std::filesystem::temp_directory_path() / "ferry-hook-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    directory_ = pattern;
    hook_.where = directory_ / "hook";
    hook_.hooks = &hooks_;
    model::User user;
    user.username = "maria";
    user.home_dir = "/srv/maria";
    user.permissions["/"] = {"*"};
    user.password = crypto::hash_password("secret", fast_options().hashing);
    user.filters.totp_config = {.enabled = true,
                                .config_name = "Default",
                                .secret = {.status = "Plain", .payload = totp_secret, .key = {}, .additional_data = {}},
                                .protocols = {"SSH"}};
    if (!provider_.add_user(user)) throw std::runtime_error("add_user");
  }
  ~HookTest() override { std::filesystem::remove_all(directory_); }

  void write_hook(const std::string& script) {
    std::ofstream(directory_ / "hook") << "#!/bin/sh\n" << script;
    ::chmod((directory_ / "hook").c_str(), 0700);
  }
  static LoginOptions options() {
    LoginOptions options = fast_options();
    options.totp = {{"Default", crypto::HashAlgorithm::sha1}};
    return options;
  }
  std::unique_ptr<Dialogue> begin(const char* username = "maria") {
    LoginRequest request;
    request.protocol = "SSH";
    request.client_ip = "10.1.2.3";
    request.username = username;
    request.method = Method::keyboard_interactive;
    return make_hook_dialogue(auth_, request, hook_);
  }
  DialogueTurn next(Dialogue& dialogue, std::vector<std::string> answers = {}) {
    std::vector<crypto::Secret> secrets;
    for (const std::string& answer : answers) secrets.emplace_back(std::string_view(answer));
    auto turn = asio::co_spawn(context_, dialogue.next(std::move(secrets)), asio::use_future);
    while (turn.wait_for(std::chrono::seconds(0)) != std::future_status::ready) context_.run_one();
    return turn.get();
  }
  // Goes on to the end with these answers, one to a turn. Whether that logs in.
  bool lets_in(std::vector<std::string> answers = {}, const char* username = "maria") {
    const auto dialogue = begin(username);
    DialogueTurn turn = next(*dialogue);
    while (turn.questions) {
      if (answers.empty()) return false;
      std::string answer = std::move(answers.front());
      answers.erase(answers.begin());
      turn = next(*dialogue, std::vector<std::string>(turn.questions->size(), answer));
    }
    EXPECT_TRUE(turn.outcome || turn.outcome.error().code == ErrorCode::authentication_failed);
    return turn.outcome && turn.outcome->user != nullptr;
  }

  std::filesystem::path directory_;
  events::Hooks hooks_{{}, {}};
  InteractiveHook hook_;
  FaultyProvider provider_;
  Authenticator auth_{provider_, options()};
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
};

TEST_F(HookTest, QuestionsAndAnswers) {
  write_hook(R"(echo '{"questions":["One: ","Two: "],"instruction":"Hello","echos":[true,false]}'
read A; read B
echo "{\"questions\":[\"$A-$B: \"],\"instruction\":\"\",\"echos\":[true]}"
read C
if test "$C" = three; then echo '{"auth_result":1}'; else echo '{"auth_result":-1}'; fi
)");
  for (const char* last : {"three", "four"}) {
    const auto dialogue = begin();
    DialogueTurn turn = next(*dialogue);
    ASSERT_TRUE(turn.questions);
    ASSERT_EQ(turn.questions->size(), 2U);
    EXPECT_EQ(turn.instruction, "Hello");
    EXPECT_EQ((*turn.questions)[0].text, "One: ");
    EXPECT_TRUE((*turn.questions)[0].echo);
    EXPECT_FALSE((*turn.questions)[1].echo);
    turn = next(*dialogue, {"one", "two"});
    ASSERT_TRUE(turn.questions);
    EXPECT_EQ((*turn.questions)[0].text, "one-two: ");
    turn = next(*dialogue, {last});
    EXPECT_FALSE(turn.questions);
    EXPECT_EQ(turn.outcome.has_value(), last == std::string("three"));
  }
}

TEST_F(HookTest, FerryChecksPasswordAndCode) {
  write_hook(R"(echo '{"questions":["Password: "],"echos":[false],"check_password":1}'
read A; test "$A" = OK || exit 1
echo '{"questions":["Code: "],"echos":[false],"check_password":2}'
read A; test "$A" = OK || exit 1
echo '{"auth_result":1}'
)");
  const auto code = [] { return one_time_code(store::now_ms() / 1000); };
  EXPECT_FALSE(lets_in({"wrong", code()}));
  EXPECT_FALSE(lets_in({"OK", "OK"}));
  EXPECT_FALSE(lets_in({"secret", "000000"}));
  EXPECT_FALSE(lets_in({"secret", code()}, "nobody"));
  const std::string now = code();
  EXPECT_TRUE(lets_in({"secret", now}));
  EXPECT_FALSE(lets_in({"secret", now})) << "the code is used";
}

TEST_F(HookTest, TheAccountStillDecides) {
  write_hook("echo '{\"auth_result\":1}'\n");
  EXPECT_TRUE(lets_in());
  EXPECT_FALSE(lets_in({}, "nobody"));
  const std::function<void(model::User&)> faults[] = {
      [](model::User& user) { user.status = 0; }, [](model::User& user) { user.expiration_date = 1; },
      [](model::User& user) { user.filters.denied_login_methods = {"keyboard-interactive"}; },
      [](model::User& user) { user.filters.denied_ip = {"10.0.0.0/8"}; }};
  const model::User before = **provider_.user("maria");
  for (const auto& fault : faults) {
    const auto change = [&](const std::function<void(model::User&)>& edit) {
      ASSERT_TRUE(provider_.inner().change_user("maria", [&](model::User& user) -> Result<void> {
        edit(user);
        return {};
      }));
    };
    change(fault);
    EXPECT_FALSE(lets_in());
    change([&](model::User& user) { user = before; });
  }
  for (const bool throwing : {false, true}) {
    provider_.throwing = throwing;
    provider_.broken = true;
    EXPECT_FALSE(lets_in());
    provider_.broken = false;
  }
  EXPECT_TRUE(lets_in());
}

TEST_F(HookTest, ItSeesTheDocumentedVariablesAndNoMore) {
  ASSERT_EQ(::setenv("FERRY_TEST_SECRET", "x", 1), 0);
  write_hook("env > " + (directory_ / "seen").string() + "\necho '{\"auth_result\":1}'\n");
  EXPECT_TRUE(lets_in());
  std::ifstream in(directory_ / "seen");
  std::set<std::string> names, lines;
  std::string password;
  for (std::string line; std::getline(in, line);) {
    names.insert(line.substr(0, line.find('=')));
    if (line.starts_with("SFTPGO_AUTHD_PASSWORD=")) password = line.substr(line.find('=') + 1);
    lines.insert(line);
  }
  for (const char* added_by_sh : {"PWD", "OLDPWD", "SHLVL", "_"}) names.erase(added_by_sh);
  EXPECT_EQ(names, (std::set<std::string>{"HOME", "LANG", "LC_ALL", "PATH", "SFTPGO_AUTHD_IP", "SFTPGO_AUTHD_PASSWORD",
                                          "SFTPGO_AUTHD_USERNAME"}));
  EXPECT_TRUE(lines.contains("SFTPGO_AUTHD_USERNAME=maria") && lines.contains("SFTPGO_AUTHD_IP=10.1.2.3"));
  EXPECT_EQ(password, (*provider_.user("maria"))->password);
}

TEST_F(HookTest, NamesAreNoCommands) {
  write_hook("test \"$SFTPGO_AUTHD_USERNAME\" = '$(touch x); `id`' && echo '{\"auth_result\":1}' > " +
             (directory_ / "seen").string() + "\necho '{\"auth_result\":-1}'\n");
  EXPECT_FALSE(lets_in({}, "$(touch x); `id`"));
  EXPECT_TRUE(std::filesystem::exists(directory_ / "seen"));
  EXPECT_FALSE(lets_in({}, "a\nb=c"));
}

TEST_F(HookTest, BadHooksAreRefusals) {
  const std::pair<const char*, const char*> hooks[] = {
      {"dies", "exit 1\n"},
      {"is killed", "kill -9 $$\n"},
      {"says nothing", "read A\n"},
      {"garbage", "echo hello\n"},
      {"half a line", "printf '{\"auth_result\":'\n"},
      {"no", "echo '{\"auth_result\":-1}'\n"},
      {"two", "echo '{\"auth_result\":2}'\n"},
      {"zero alone", "echo '{\"auth_result\":0}'\n"},
      {"verdict as text", "echo '{\"auth_result\":\"1\"}'\n"},
      {"verdict as boolean", "echo '{\"auth_result\":true}'\n"},
      {"a list", "echo '[1]'\n"},
      {"floods a line", "head -c 200000 /dev/zero | tr '\\0' x; echo '{\"auth_result\":1}'\n"},
      {"floods blank lines", "yes ''\n"},
      {"closes its output", "exec >&-; sleep 1000\n"},
      {"hangs", "sleep 1000\n"},
      {"hangs in a group of its own", "setsid sleep 1000\n"},
      {"hangs, ignoring signals", "trap '' TERM INT HUP; while :; do sleep 1; done\n"},
      {"floods its errors", "yes error >&2\n"},
      {"asks, then dies", "echo '{\"questions\":[\"?\"],\"echos\":[true]}'; exit 0\n"},
      {"asks, then hangs", "echo '{\"questions\":[\"?\"],\"echos\":[true]}'; sleep 1000\n"},
  };
  hook_.limit = std::chrono::seconds(1);
  for (const auto& [name, script] : hooks) {
    write_hook(script);
    EXPECT_FALSE(lets_in({"answer", "answer"})) << name;
  }
  hook_.where = directory_ / "missing";
  EXPECT_FALSE(lets_in());
  hook_.limit = std::chrono::seconds(60);
  write_hook("echo '{\"auth_result\":1}'\n");
  ::chmod((directory_ / "hook").c_str(), 0600);
  hook_.where = directory_ / "hook";
  EXPECT_FALSE(lets_in()) << "not executable";
}

TEST_F(HookTest, ErrorsDoNotHoldItUp) {
  write_hook("head -c 300000 /dev/zero >&2; printf '\\n\\n{\"auth_result\":1}'\n");
  EXPECT_TRUE(lets_in());
}

// The answer to one question must not become the answer to the next.
TEST_F(HookTest, AnswersAreSingleLines) {
  write_hook(R"(echo '{"questions":["1"],"echos":[true]}'
read A; read B
echo '{"auth_result":1}'
)");
  EXPECT_FALSE(lets_in({"one\ntwo"}));
}

TEST_F(HookTest, WhoLeavesEndsTheHook) {
  write_hook("echo $$ > " + (directory_ / "pid").string() +
             "\necho '{\"questions\":[\"?\"],\"echos\":[true]}'\nread A\nsleep 1000\n");
  {
    const auto dialogue = begin();
    ASSERT_TRUE(next(*dialogue).questions);
  }
  std::ifstream in(directory_ / "pid");
  pid_t pid = 0;
  in >> pid;
  ASSERT_GT(pid, 1);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (::kill(pid, 0) == 0 && std::chrono::steady_clock::now() < end) context_.poll_one();
  EXPECT_NE(::kill(pid, 0), 0);
  EXPECT_EQ(*hook_.open, 0);
}

TEST_F(HookTest, NotTooManyAtOnce) {
  write_hook("echo '{\"questions\":[\"?\"],\"echos\":[true]}'\nread A\necho '{\"auth_result\":1}'\n");
  hook_.most_at_once = 1;
  {
    const auto first = begin();
    EXPECT_TRUE(next(*first).questions);
    EXPECT_FALSE(lets_in({"x"}));
  }
  EXPECT_TRUE(lets_in({"x"}));
  EXPECT_EQ(*hook_.open, 0);
}

TEST(HookMessageTest, WhatIsUnderstood) {
  const auto asked = parse_hook_message(
      R"({"questions":["a"],"echos":[true],"instruction":"b","check_password":2,"auth_result":0,"later":[]})");
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->check, HookMessage::Check::code);
  EXPECT_EQ(asked->instruction, "b");
  EXPECT_FALSE(asked->finished);
  for (const char* text :
       {"", "null", "{}", "1", "{\"questions\":[]}", R"({"questions":["a"]})", R"({"questions":["a"],"echos":[]})",
        R"({"questions":["a"],"echos":[1]})", R"({"questions":[1],"echos":[true]})", R"({"questions":[],"echos":[]})",
        R"({"questions":"a","echos":[true]})", R"({"questions":["a"],"echos":[true],"check_password":3})",
        R"({"questions":["a","b"],"echos":[true,true],"check_password":1})",
        R"({"questions":["a"],"echos":[true],"check_password":"1"})", R"({"auth_result":1.0})",
        R"({"auth_result":1}x)"}) {
    EXPECT_FALSE(parse_hook_message(text)) << text;
  }
  EXPECT_TRUE(parse_hook_message(R"({"auth_result":1})")->success);
  EXPECT_FALSE(parse_hook_message(R"({"auth_result":18446744073709551615})")->success);
  std::string deep = "{\"auth_result\":1,\"x\":";
  deep.append(30'000, '[');
  EXPECT_FALSE(parse_hook_message(deep));
  EXPECT_FALSE(parse_hook_message("{\"auth_result\":1,\"x\":\"" + std::string(70'000, 'x') + "\"}"));
}

TEST(HookMessageTest, WhatIsTold) {
  UrlDialogueRequest request{.request_id = "r",
                             .step = 1,
                             .username = "m\"\xff",
                             .ip = "::1",
                             .password = "$2a$",
                             .answers = {},
                             .questions = {}};
  EXPECT_EQ(to_json(request), R"({"ip":"::1","password":"$2a$","request_id":"r","step":1,"username":"m\")"
                              "\xef\xbf\xbd\"}");
  request.step = 2;
  request.answers = {"OK"};
  request.questions = {"Password: "};
  EXPECT_NE(to_json(request).find(R"("answers":["OK"])"), std::string::npos);
  EXPECT_NE(to_json(request).find(R"("questions":["Password: "])"), std::string::npos);
}

}  // namespace
}  // namespace ferry::auth
