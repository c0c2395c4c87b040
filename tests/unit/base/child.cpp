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

// In a sandbox that runs anything of the system, whatever a hostile program would do next.
class Hostile : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    if (!Sandbox::supported()) GTEST_SKIP() << "this kernel has no Landlock";
  }
  Outcome confined(const std::string& script, bool signals = false) {
    auto sandbox = Sandbox::make({.programs = {"/usr", "/bin", "/lib", "/lib64"},
                                  .readable = {"/etc", "/proc"},
                                  .writable = {},
                                  .signals = signals,
                                  .landlock_at_most = GetParam()});
    EXPECT_TRUE(sandbox);
    ChildOptions options;
    options.sandbox = std::move(*sandbox);
    return shell(script, std::move(options));
  }
  // Perl says which error a call of the system got: "EPERM", ...
  Outcome perl(const std::string& expression) {
    return confined("perl -MErrno -MSocket -MPOSIX -e '$! = 0; my $r = (" + expression +
                    "); print $r ? \"done\" : $!{EPERM} ? \"EPERM\" : \"$!\"'");
  }
};

TEST_P(Hostile, OpensNoSocket) {
  EXPECT_EQ(perl("socket(my $s, PF_INET, SOCK_DGRAM, 0)").output, "EPERM");
  EXPECT_EQ(perl("socket(my $s, PF_INET, SOCK_STREAM, 0)").output, "EPERM");
  EXPECT_EQ(perl("socket(my $s, PF_UNIX, SOCK_STREAM, 0)").output, "EPERM");
  EXPECT_EQ(perl("socketpair(my $s, my $t, PF_UNIX, SOCK_DGRAM, 0)").output, "EPERM");
  EXPECT_EQ(perl("socketpair(my $s, my $t, PF_UNIX, SOCK_STREAM, 0)").output, "done");
}

TEST_P(Hostile, SignalsNobodyOutside) {
  const std::string me = std::to_string(::getpid());
  for (const bool signals : {false, true}) {
    EXPECT_NE(confined("kill -0 " + me + " && echo done", signals).output, "done\n");
    EXPECT_NE(confined("kill -USR1 " + me + " && echo done", signals).output, "done\n");
  }
  // What it has started itself.
  EXPECT_EQ(confined("sleep 100 & kill $! && echo done", true).output, "done\n");
}

TEST_P(Hostile, LeavesNothingBehind) {
  const std::string escape =
      "perl -MPOSIX -e 'defined(my $pid = fork) or die; if (!$pid) { POSIX::setsid(); setpgrp(0, 0); "
      "close STDIN; close STDOUT; close STDERR; sleep 100; exit } print $pid'";
  const Outcome outcome = confined(escape);
  ASSERT_FALSE(outcome.output.empty()) << outcome.errors;
  for (int i = 0; i < 2000 && alive(outcome.output); ++i) ::usleep(10'000);
  EXPECT_FALSE(alive(outcome.output));
}

TEST_P(Hostile, MakesNoNamespaceAndChangesNoOtherProcess) {
  EXPECT_NE(confined("unshare -U true").status, 0);
  EXPECT_NE(confined("unshare -n true").status, 0);
  EXPECT_NE(confined("renice 19 " + std::to_string(::getpid())).status, 0);
  EXPECT_NE(confined("prlimit --pid " + std::to_string(::getpid()) + " --nofile=10").status, 0);
  EXPECT_EQ(confined("grep -c . /proc/" + std::to_string(::getpid()) + "/environ").output, "");
}

TEST_P(Hostile, IsNoRootBeyondFiles) {
  if (::geteuid() != 0) GTEST_SKIP() << "root alone has something to give up";
  // CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID
  EXPECT_EQ(confined("sed -n 's/^CapEff:\t*//p' /proc/self/status").output, "000000000000001f\n");
}

// What Linux 5.13, 6.1 (Debian 12), 6.7 and the newest have.
INSTANTIATE_TEST_SUITE_P(Landlock, Hostile, ::testing::Values(1, 2, 4, 1000));

TEST(Sandbox, RunsTheNamedProgramAndNoOther) {
  if (!Sandbox::supported()) GTEST_SKIP() << "this kernel has no Landlock";
  const auto confined = [](const std::string& script) {
    auto sandbox = Sandbox::make(
        {.programs = {"/bin/sh", "/bin/true"}, .readable = {"/usr", "/lib", "/lib64", "/etc"}, .writable = {}});
    EXPECT_TRUE(sandbox);
    ChildOptions options;
    options.sandbox = std::move(*sandbox);
    return shell(script, std::move(options));
  };
  EXPECT_EQ(confined("/bin/true").status, 0);
  EXPECT_EQ(confined("/bin/ls").status, 126);
  EXPECT_EQ(confined("/usr/bin/env true").status, 126);
}

TEST(Sandbox, AScriptIsNoProgram) {
  if (!Sandbox::supported()) GTEST_SKIP() << "this kernel has no Landlock";
  const test::TempDirectory folder;
  std::ofstream(folder / "script") << "#!/bin/sh\n";
  for (const std::string& one : {folder / "script", folder / "missing"}) {
    EXPECT_FALSE(Sandbox::make({.programs = {one}, .readable = {}, .writable = {}})) << one;
  }
}

TEST(Child, NoFileGetsLargerThanTheLimit) {
  const test::TempDirectory folder;
  ChildOptions options;
  options.largest_file = 1000;
  const std::string file = "'" + (folder / "file") + "'";
  const Outcome outcome = shell("head -c 5000 /dev/zero > " + file + "; truncate -s 5000 " + file, std::move(options));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.errors.find("File too large"), std::string::npos);
  EXPECT_EQ(fs::file_size(folder / "file"), 1000U);
}

Task<int> end_by_request() {
  ChildOptions options{.program = "/bin/sh",
                       .arguments = {"-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done"},
                       .environment = {"PATH=/bin"}};
  Result<std::unique_ptr<Child>> child = co_await Child::start(std::move(options));
  if (!child) co_return -1;
  Bytes buffer(100);
  const Result<std::size_t> count = co_await (*child)->read_output(buffer);
  if (!count) co_return -1;
  (*child)->ask_to_end();
  const int status = co_await (*child)->wait();
  co_return status;
}

TEST(Child, ItMayTidyUpWhenItIsAskedToEnd) { EXPECT_EQ(test::run(end_by_request()), 7); }

}  // namespace
}  // namespace ferry
