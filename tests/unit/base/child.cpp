#include "base/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/support/run.h"
#include "tests/support/temp_directory.h"

namespace ferry {
namespace {

namespace fs = std::filesystem;

struct Outcome {
  int status = -1;
  std::string output, errors;
};

Task<Result<Outcome>> finish(ChildOptions options, std::string input) {
  Result<std::unique_ptr<Child>> child = co_await Child::start(std::move(options));
  if (!child) co_return fail(child.error());
  Outcome outcome;
  while (!input.empty()) {
    const Result<std::size_t> written = co_await (*child)->write_input(as_bytes(input));
    if (!written) break;
    input.erase(0, *written);
  }
  (*child)->close_input();
  Bytes buffer(1000);
  while (true) {
    const Result<std::size_t> count = co_await (*child)->read_output(buffer);
    if (!count || *count == 0) break;
    outcome.output += as_text(ByteSpan(buffer).first(*count));
  }
  while (true) {
    const Result<std::size_t> count = co_await (*child)->read_errors(buffer);
    if (!count || *count == 0) break;
    outcome.errors += as_text(ByteSpan(buffer).first(*count));
  }
  outcome.status = co_await (*child)->wait();
  co_return outcome;
}

Outcome shell(const std::string& script, ChildOptions options = {}, std::string input = {}) {
  options.program = "/bin/sh";
  options.arguments = {"-c", script};
  if (options.environment.empty()) options.environment = {"PATH=/usr/bin:/bin"};
  auto outcome = test::run(finish(std::move(options), std::move(input)));
  EXPECT_TRUE(outcome) << outcome.error().message;
  return outcome.value_or(Outcome{});
}

TEST(Child, StreamsAndStatus) {
  std::signal(SIGPIPE, SIG_IGN);
  const Outcome outcome = shell("cat; echo err >&2; exit 7", {}, std::string(5000, 'x'));
  EXPECT_EQ(outcome.status, 7);
  EXPECT_EQ(outcome.output, std::string(5000, 'x'));
  EXPECT_EQ(outcome.errors, "err\n");
  EXPECT_EQ(shell("kill -TERM $$").status, 128 + SIGTERM);
}

TEST(Child, ItsEnvironmentIsWhatItIsGiven) {
  ::setenv("FERRY_SECRET_OF_TEST", "x", 1);
  ChildOptions options;
  options.environment = {"ONLY=this", "PATH=/usr/bin:/bin"};
  EXPECT_EQ(shell("env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= | sort", std::move(options)).output,
            "ONLY=this\nPATH=/usr/bin:/bin\n");
}

TEST(Child, NoOtherDescriptorIsLeftOpen) {
  const Descriptor leak(::open("/dev/null", O_RDONLY));        // without O_CLOEXEC, as libraries open things
  EXPECT_EQ(shell("ls /proc/self/fd | wc -l").output, "4\n");  // its streams, and the directory that ls reads
}

TEST(Child, ItsDirectory) {
  const test::TempDirectory folder;
  const Descriptor directory(::open(folder.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  ChildOptions options;
  options.directory = directory.get();
  EXPECT_EQ(shell("pwd -P", std::move(options)).output, fs::canonical(folder.path()).string() + "\n");
}

TEST(Child, AProgramThatCannotBeRunIsAnError) {
  ChildOptions options;
  options.program = "/no/such/program";
  const auto outcome = test::run(finish(std::move(options), {}));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::not_found);
}

bool alive(const std::string& pid) {
  std::ifstream status("/proc/" + pid + "/stat");
  std::string line;
  return std::getline(status, line) && line.find(") Z ") == std::string::npos;
}

TEST(Child, WhatItLeavesBehindIsKilled) {
  const Outcome outcome = shell("sleep 100 >/dev/null 2>&1 </dev/null & echo $!");
  EXPECT_EQ(outcome.status, 0);
  const std::string pid = outcome.output.substr(0, outcome.output.find('\n'));
  for (int i = 0; i < 200 && alive(pid); ++i) ::usleep(10'000);
  EXPECT_FALSE(alive(pid));
}

Task<std::string> start_and_drop() {
  ChildOptions options{.program = "/bin/sh", .arguments = {"-c", "echo $$; sleep 100"}, .environment = {"PATH=/bin"}};
  Result<std::unique_ptr<Child>> child = co_await Child::start(std::move(options));
  if (!child) co_return "";
  Bytes buffer(100);
  const Result<std::size_t> count = co_await (*child)->read_output(buffer);
  co_return std::string(as_text(ByteSpan(buffer).first(count.value_or(1) - 1)));
}

TEST(Child, ItDoesNotOutliveItsOwner) {
  const std::string pid = test::run(start_and_drop());
  ASSERT_FALSE(pid.empty());
  for (int i = 0; i < 200 && alive(pid); ++i) ::usleep(10'000);
  EXPECT_FALSE(alive(pid));
}

// Not destroyed, as the pool still speaks to it.
struct EndedContext : asio::io_context {
  using asio::io_context::shutdown;
};

TEST(Child, ItDoesNotOutliveALoopThatEndsWhileItStarts) {
  const test::TempDirectory folder;
  ChildOptions options{.program = "/bin/sh",
                       .arguments = {"-c", "echo $$ > '" + folder / "new" + "'; mv '" + folder / "new" + "' '" +
                                               folder / "pid" + "'; sleep 100"},
                       .environment = {"PATH=/bin"}};
  static auto& context = *new EndedContext;
  asio::co_spawn(context, Child::start(std::move(options)), asio::detached);
  context.poll_one();  // up to the pool and no further: a pool that is quick must not be heard
  for (int i = 0; i < 20'000 && !fs::exists(folder / "pid"); ++i) ::usleep(1000);
  ASSERT_TRUE(fs::exists(folder / "pid"));
  const std::string text = test::read_file(folder / "pid"), pid = text.substr(0, text.find('\n'));
  ::sleep(1);               // until the pool has handed it to the loop, which never runs again
  (void)context.stopped();  // takes the lock that the pool had, as the thread sanitizer wants
  context.shutdown();
  for (int i = 0; i < 2000 && alive(pid); ++i) ::usleep(10'000);
  EXPECT_FALSE(alive(pid));
}

TEST(Sandbox, ShowsOnlyWhatItIsTold) {
  if (!Sandbox::supported()) GTEST_SKIP() << "this kernel has no Landlock";
  const test::TempDirectory folder;
  const fs::path top = folder.path();
  for (const char* name : {"inside", "outside"}) fs::create_directory(top / name);
  std::ofstream(top / "outside" / "secret") << "secret";
  fs::create_symlink(top / "outside" / "secret", top / "inside" / "link");
  const Descriptor inside(::open((top / "inside").c_str(), O_PATH | O_CLOEXEC));
  const auto confined = [&](const std::string& script) {
    SandboxRules rules{
        .programs = {"/usr", "/bin", "/lib", "/lib64"}, .readable = {"/etc/ld.so.cache"}, .writable = {inside.get()}};
    auto sandbox = Sandbox::make(rules);
    EXPECT_TRUE(sandbox);
    ChildOptions options;
    options.directory = inside.get();
    options.sandbox = std::move(*sandbox);
    return shell(script, std::move(options));
  };
  EXPECT_EQ(confined("echo text > file && mkdir d && mv file d/file && cat d/file && echo x >/dev/null").output,
            "text\n");
  EXPECT_NE(confined("cat link").status, 0);
  EXPECT_NE(confined("cat ../outside/secret").status, 0);
  EXPECT_NE(confined("ls /etc").status, 0);
  EXPECT_NE(confined("echo x > ../outside/new").status, 0);
  EXPECT_NE(confined("mv d ../outside/d").status, 0);
  EXPECT_NE(confined("cp /bin/true own && ./own").status, 0);
  EXPECT_NE(confined("mknod device c 1 3").status, 0);
  EXPECT_EQ(confined("rm -r d && ls").output, "link\nown\n");
}

}  // namespace
}  // namespace ferry
