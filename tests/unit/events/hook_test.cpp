// Hooks: real programs and a real HTTP server, good ones and bad ones.
#include "events/hook.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <csignal>
#include <fstream>
#include <set>
#include <thread>

#include "tests/support/lasting_context.h"
#include "tests/unit/http/certificate_files.h"
#include "tests/unit/http/server_fixture.h"

namespace ferry::events {
namespace {

using namespace std::chrono_literals;

class HookTest : public testing::Test {
 protected:
  HookTest() { std::signal(SIGPIPE, SIG_IGN); }

  std::string program(const std::string& script) {
    const std::string file = directory_.file("hook");
    std::ofstream(file) << "#!/bin/sh\n" << script;
    ::chmod(file.c_str(), 0700);
    return file;
  }
  static Result<HookAnswer> run(Hooks& hooks, HookRequest request) {
    asio::io_context& context = test::lasting_context();
    auto answer = asio::co_spawn(context, hooks.run(std::move(request)), asio::use_future);
    while (answer.wait_for(0s) != std::future_status::ready) context.run_one();
    return answer.get();
  }
  Result<HookAnswer> run(HookRequest request) { return run(hooks_, std::move(request)); }
  Result<HookAnswer> run(const std::string& script) {
    return run({.name = "post_connect", .where = program(script), .environment = {}});
  }
  std::string read(const char* name) const {
    std::ifstream in(directory_.file(name));
    return {std::istreambuf_iterator<char>(in), {}};
  }

  // Whether the process is soon gone, and nobody's zombie.
  static bool ends(pid_t process) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (::kill(process, 0) == 0 && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(10ms);
    return ::kill(process, 0) != 0;
  }

  test::TemporaryDirectory directory_;
  Hooks hooks_{{}, {}};
};

TEST_F(HookTest, AProgramAnswers) {
  const auto yes = run("echo hello; echo problem >&2");
  ASSERT_TRUE(yes) << yes.error().message;
  EXPECT_TRUE(yes->ok);
  EXPECT_EQ(yes->output, "hello\n");
  const auto no = run("printf x; exit 3");
  ASSERT_TRUE(no);
  EXPECT_FALSE(no->ok);
  EXPECT_EQ(no->status, 3);
  EXPECT_EQ(no->output, "x");
  const auto killed = run("kill -9 $$");
  ASSERT_TRUE(killed);
  EXPECT_FALSE(killed->ok);
  EXPECT_EQ(killed->status, 137);
  EXPECT_EQ(run("cat").value().output, "") << "its standard input is empty";
}

// The kernel starts no program with a text of more than 128 KiB, nor with too much in all.
TEST_F(HookTest, WhatIsTooLongIsCutAndNamed) {
  const std::string script = program("printf '%s %s %s' \"$FERRY_CUT\" \"$SHORT\" \"$LONG\" > \"$0.told\"");
  std::string long_text = "y";
  while (long_text.size() < 200'000) long_text += "\xc3\xa4";  // of two bytes each
  const auto answer =
      run({.name = "post_login", .where = script, .environment = {{"LONG", long_text}, {"SHORT", "s"}}});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_TRUE(answer->ok);
  std::istringstream told(read("hook.told"));
  std::string names, short_text, text;
  told >> names >> short_text >> text;
  EXPECT_EQ(names, "LONG");
  EXPECT_EQ(short_text, "s");
  EXPECT_GT(text.size(), 120'000U);
  EXPECT_EQ(long_text.compare(0, text.size(), text), 0);
  EXPECT_EQ(text.size() % 2, 1U) << "no character is torn";

  Pairs many;
  for (int i = 0; i < 100; ++i) many.emplace_back("MANY_" + std::to_string(i), std::string(120'000, 'm'));
  const auto much = run({.name = "post_login", .where = program("test -n \"$MANY_99\""), .environment = many});
  ASSERT_TRUE(much) << much.error().message;
  EXPECT_TRUE(much->ok);
}

TEST_F(HookTest, AScriptOfWindowsSaysSo) {
  const std::string file = directory_.file("hook");
  std::ofstream(file) << "#!/bin/sh\r\nexit 0\r\n";
  ::chmod(file.c_str(), 0700);
  const auto answer = run({.name = "pre_login", .where = file, .environment = {}});
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("CR LF"), std::string::npos) << answer.error().message;
}

TEST_F(HookTest, TheCommandSection) {
  ASSERT_EQ(::setenv("FERRY_TEST_SECRET", "x", 1), 0);
  const std::string file = program("echo \"$@\"; env");
  HookOptions options;
  options.environment = {"A=all", "B=all", "C=all", "EMPTY="};
  options.commands = {
      {.path = file, .hook = "", .timeout = 0s, .environment = {"B=command", "C=command"}, .arguments = {"any"}},
      {.path = file, .hook = "startup", .timeout = 0s, .environment = {}, .arguments = {"a b", "$(id)"}},
      {.path = "/other", .hook = "", .timeout = 0s, .environment = {"A=other"}, .arguments = {}}};
  Hooks hooks(options, {});
  const auto lines = [&](const char* name) {
    std::set<std::string> all;
    std::istringstream in(run(hooks, {.name = name, .where = file, .environment = {{"C", "hook"}}}).value().output);
    for (std::string line; std::getline(in, line);) {
      if (!line.starts_with("PWD=") && !line.starts_with("_=") && !line.starts_with("SHLVL=") &&
          !line.starts_with("OLDPWD=")) {
        all.insert(line);
      }
    }
    return all;
  };
  const std::set<std::string> base = {
      "HOME=/nonexistent", "LANG=C", "LC_ALL=C", "PATH=/usr/local/bin:/usr/bin:/bin", "A=all", "C=hook", "EMPTY="};
  auto any = base, startup = base;
  any.insert({"any", "B=command"});
  startup.insert({"a b $(id)", "B=all"});
  EXPECT_EQ(lines("pre_login"), any);
  EXPECT_EQ(lines("startup"), startup);
}

TEST_F(HookTest, BadProgramsEndInTime) {
  const std::pair<const char*, const char*> bad[] = {
      {"hangs", "sleep 1000\n"},
      {"hangs with its output closed", "exec >&- 2>&-; sleep 1000\n"},
      {"hangs in a group of its own", "setsid sleep 1000\n"},
      {"hangs, ignoring signals", "trap '' TERM INT HUP; while :; do sleep 1; done\n"},
      {"floods its errors", "yes error >&2\n"},
      {"floods", "yes\n"},
      {"floods and dies", "head -c 200000 /dev/zero\n"},
  };
  HookOptions options;
  const std::string file = program("");
  options.commands = {{.path = file, .hook = "", .timeout = 1s, .environment = {}, .arguments = {}}};
  Hooks hooks(options, {});
  for (const auto& [name, script] : bad) {
    program(script);
    const auto answer = run(hooks, {.name = "post_connect", .where = file});
    ASSERT_FALSE(answer) << name;
    const bool expected =
        answer.error().code == ErrorCode::timeout || answer.error().code == ErrorCode::connection_lost;
    EXPECT_TRUE(expected) << name << ": " << answer.error().message;
  }
  EXPECT_FALSE(run(hooks, {.name = "x", .where = directory_.file("missing")}));
  ::chmod(file.c_str(), 0600);
  EXPECT_FALSE(run(hooks, {.name = "x", .where = file}));
}

// What a program leaves behind neither delays its answer nor lives on, when it is still in its group.
TEST_F(HookTest, WhatItLeavesBehind) {
  const auto answer = run("echo answer; setsid sleep 1000 & echo $! > " + directory_.file("away") +
                          "; sleep 1000 & echo $! > " + directory_.file("near") + "; exit 0");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->output, "answer\n");
  const pid_t away = std::stoi(read("away"));
  EXPECT_TRUE(ends(std::stoi(read("near"))));
  ::kill(away, SIGKILL);
}

TEST_F(HookTest, TheLastOfALongAnswerArrives) {
  const auto answer = run("head -c 60000 /dev/zero | tr '\\0' x; printf end");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->output.size(), 60003U);
  EXPECT_TRUE(answer->output.ends_with("end"));
}

TEST_F(HookTest, WhatCannotBeTold) {
  const std::string file = program("echo no");
  const auto zero = run({.name = "x", .where = file, .environment = {{"SFTPGO_A", std::string("a\0b", 3)}}});
  EXPECT_EQ(zero.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(run({.name = "x", .where = program("printf '%s' \"$SFTPGO_A\""), .environment = {{"SFTPGO_A", "$(id)\n;"}}})
                .value()
                .output,
            "$(id)\n;");
}

// What hooks of these names answer that take 0.3 s and are begun one after the other at the same time.
std::vector<Result<HookAnswer>> run_together(Hooks& hooks, const std::string& file, std::vector<std::string> names) {
  asio::io_context& context = test::lasting_context();
  std::vector<std::future<Result<HookAnswer>>> running;
  for (std::string& name : names) {
    running.push_back(asio::co_spawn(context, hooks.run({.name = std::move(name), .where = file}), asio::use_future));
  }
  context.run();
  std::vector<Result<HookAnswer>> answers;
  for (auto& one : running) answers.push_back(one.get());
  return answers;
}

TEST_F(HookTest, NotTooManyAtOnce) {
  HookOptions options;
  options.most_programs = 2;
  Hooks hooks(options, {});
  const std::string file = program("sleep 0.3; echo done");
  const auto answers = run_together(hooks, file, {"x", "x", "x"});
  EXPECT_TRUE(answers[0] && answers[1]);
  EXPECT_EQ(answers[2].error().code, ErrorCode::limit_exceeded);
  EXPECT_TRUE(run(hooks, {.name = "x", .where = file})) << "they have ended";
}

TEST_F(HookTest, StrangersLeaveRoomForAccounts) {
  HookOptions options;
  options.most_programs = 4;
  Hooks hooks(options, {});
  const auto answers =
      run_together(hooks, program("sleep 0.3; echo done"),
                   {"pre_login", "pre_login", "post_connect", "pre_login", "fs_actions", "provider_actions"});
  EXPECT_TRUE(answers[0] && answers[1] && answers[2]);
  EXPECT_EQ(answers[3].error().code, ErrorCode::limit_exceeded);
  EXPECT_EQ(answers[4].has_value() + answers[5].has_value(), 1) << "four in all";
}

TEST_F(HookTest, InTheBackground) {
  const std::string file = program("echo $1 >> " + directory_.file("log"));
  {
    Hooks hooks({}, {});
    for (int i = 0; i < 3; ++i) hooks.start({.name = "post_login", .where = file});
    hooks.close(20s);
    hooks.start({.name = "post_login", .where = file});
    EXPECT_EQ(run(hooks, {.name = "x", .where = file}).error().code, ErrorCode::aborted);
  }
  EXPECT_EQ(read("log"), "\n\n\n");
  program("echo $$ > " + directory_.file("pid") + "; sleep 1000");
  auto hooks = std::make_unique<Hooks>(HookOptions{}, http::ClientOptions{});
  hooks->start({.name = "post_login", .where = file});
  while (read("pid").empty()) std::this_thread::sleep_for(5ms);
  hooks.reset();
  EXPECT_TRUE(ends(std::stoi(read("pid")))) << "it does not outlive the server";
}

TEST_F(HookTest, Places) {
  for (const char* good : {"/usr/bin/hook", "http://127.0.0.1:8000/x", "https://host"}) EXPECT_TRUE(check_hook(good));
  for (const char* bad : {"", "hook", "./hook", "ftp://host", "file:///x"}) EXPECT_FALSE(check_hook(bad)) << bad;
}

// --- URLs ---

std::atomic<int> asked = 0;

Task<http::Response> tell(http::Request& request) { co_return http::Response::text(200, std::string(request.target)); }
Task<http::Response> fail_twice(http::Request&) { co_return http::Response::text(++asked < 3 ? 503 : 200, "at last"); }
Task<http::Response> always_501(http::Request&) {
  ++asked;
  co_return http::Response::text(501, "");
}
Task<http::Response> flood(http::Request&) { co_return http::Response::text(200, std::string(100'000, 'x')); }

class UrlTest : public HookTest {
 protected:
  static http::Router router() {
    http::Router router;
    router.add({.method = "GET", .pattern = "/tell", .handler = tell});
    router.add({.method = "POST", .pattern = "/twice", .body_limit = 100, .handler = fail_twice});
    router.add({.method = "POST", .pattern = "/never", .body_limit = 100, .handler = always_501});
    router.add({.method = "GET", .pattern = "/flood", .handler = flood});
    return router;
  }
  std::string url(const std::string& path) const { return "http://127.0.0.1:" + std::to_string(server_.port()) + path; }
  test::RunningServer server_{router(), {}};
};

TEST_F(UrlTest, TheQueryIsEscaped) {
  const Pairs query = {{"ip", "::1"}, {"name", "a&b=c d\xc3\xa9%"}};
  EXPECT_EQ(run({.name = "x", .where = url("/tell"), .method = "GET", .query = query}).value().output,
            "/tell?ip=%3A%3A1&name=a%26b%3Dc%20d%C3%A9%25");
  EXPECT_EQ(run({.name = "x", .where = url("/tell?a=1"), .method = "GET", .query = {{"b", "2"}}}).value().output,
            "/tell?a=1&b=2");
}

TEST_F(UrlTest, OnlyWhatIsToBeRetriedIs) {
  http::ClientOptions client;
  client.retry_max = 2;
  client.retry_wait_min = client.retry_wait_max = 1ms;
  Hooks hooks({}, client);
  asked = 0;
  const auto once = run(hooks, {.name = "x", .where = url("/twice"), .body = "{}"});
  EXPECT_EQ(once.value().status, 503);
  EXPECT_FALSE(once->ok);
  EXPECT_EQ(asked, 1);
  asked = 0;
  const auto again = run(hooks, {.name = "x", .where = url("/twice"), .body = "{}", .retried = true});
  EXPECT_TRUE(again.value().ok);
  EXPECT_EQ(again->output, "at last");
  EXPECT_EQ(asked, 3);
  asked = 0;
  EXPECT_EQ(run(hooks, {.name = "x", .where = url("/never"), .body = "{}", .retried = true}).value().status, 501);
  EXPECT_EQ(asked, 1);
}

TEST_F(UrlTest, LongAnswersAreErrors) {
  EXPECT_EQ(run({.name = "x", .where = url("/flood"), .method = "GET"}).error().code, ErrorCode::connection_lost);
}

}  // namespace
}  // namespace ferry::events
