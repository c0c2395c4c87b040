// git-receive-pack, git-upload-pack, git-upload-archive and rsync: programs of the system, run for a client.
//
// Whoever may write files can write git hooks, git configuration and links, so a program gets no way to what lies
// outside: its arguments are checked, its environment is ours, a sandbox of the kernel shows it nothing but its
// libraries and the path it was asked for, and nothing that the account stored can be run.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/child.h"
#include "base/error_text.h"
#include "base/log.h"
#include "protocols/sshcmd/commands.h"
#include "protocols/sshcmd/relay.h"
#include "protocols/sshcmd/rsync_options.h"

namespace ferry::sshcmd {

namespace {

constexpr int cannot_run = 126, not_found = 127;

struct Program {
  std::string_view name;  // of the file
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::vector<session::NativePlace> places;  // what it works on; at least one
  bool receives = false;                     // files come to us
};

// A configuration file in a repository is the account's to write. These win over it: nothing in a repository names
// a program to run or another place to fetch from.
constexpr std::array<std::pair<std::string_view, std::string_view>, 17> git_settings{{
    {"core.hooksPath", "/dev/null"},
    {"core.fsmonitor", "false"},
    {"core.alternateRefsCommand", "true"},
    {"core.sshCommand", "false"},
    {"core.gitProxy", "false"},
    {"core.askPass", "false"},
    {"core.editor", "false"},
    {"core.pager", "cat"},
    {"credential.helper", ""},
    {"gpg.program", "false"},
    {"gpg.ssh.program", "false"},
    {"gc.auto", "0"},
    {"maintenance.auto", "false"},
    {"receive.autogc", "false"},
    {"receive.denyCurrentBranch", "refuse"},
    {"protocol.allow", "never"},
    {"safe.directory", "*"},  // the account owns its repositories, whoever the system says it is
}};

std::vector<std::string> plain_environment() {
  return {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent", "LC_ALL=C", "LANG=C"};
}

std::vector<std::string> git_environment() {
  std::vector<std::string> all = plain_environment();
  all.insert(all.end(),
             {"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ATTR_NOSYSTEM=1", "GIT_ALLOW_PROTOCOL=none",
              "GIT_NO_LAZY_FETCH=1", "GIT_TERMINAL_PROMPT=0", "GIT_NO_REPLACE_OBJECTS=1"});
  all.push_back(fmt::format("GIT_CONFIG_COUNT={}", git_settings.size()));
  for (std::size_t i = 0; i < git_settings.size(); ++i) {
    all.push_back(fmt::format("GIT_CONFIG_KEY_{}={}", i, git_settings[i].first));
    all.push_back(fmt::format("GIT_CONFIG_VALUE_{}={}", i, git_settings[i].second));
  }
  return all;
}

Result<Sandbox> sandbox_for(const std::string& program, const std::vector<session::NativePlace>& places) {
  SandboxRules rules;
  rules.programs = {"/usr", "/lib", "/lib64", "/bin", program};
  rules.readable = {"/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/nsswitch.conf", "/etc/passwd",
                    "/etc/group",       "/etc/localtime",     "/dev/urandom",       "/dev/zero"};
  for (const session::NativePlace& place : places) rules.writable.push_back(place.touched.get());
  return Sandbox::make(rules);
}

Task<Result<std::unique_ptr<Child>>> start(Program& program) {
  const std::string_view name = program.name;
  auto prepare = [name, &places = program.places]() -> Result<std::pair<std::string, Sandbox>> {
    std::string file = find_program(name);
    if (file.empty()) return fail(ErrorCode::not_found, std::string(name) + " is not installed");
    Result<Sandbox> sandbox = sandbox_for(file, places);
    if (!sandbox) return fail(sandbox.error());
    return std::pair(std::move(file), std::move(*sandbox));
  };
  Result<std::pair<std::string, Sandbox>> prepared = co_await run_blocking(prepare);
  if (!prepared) co_return fail(prepared.error());
  const session::NativePlace& place = program.places.front();
  ChildOptions options;
  options.program = std::move(prepared->first);
  options.arguments = std::move(program.arguments);
  options.environment = std::move(program.environment);
  options.directory = place.home.get();
  options.sandbox = std::move(prepared->second);
  options.identity = {place.uid, place.gid};
  Result<std::unique_ptr<Child>> child = co_await Child::start(std::move(options));
  co_return child;
}

Task<int> run(Invocation call, Program program) {
  const auto use = program.receives ? session::FlowUse::stored : session::FlowUse::read;
  const Result<std::unique_ptr<session::DataFlow>> flow =
      call.session.begin_flow(program.places.front().virtual_path, use);
  if (!flow) {
    const std::string why(shell_text(flow.error().code));
    co_await call.complain(why);
    co_return 1;
  }
  Result<std::unique_ptr<Child>> child = co_await start(program);
  if (!child) {
    log::warn("sftpd", call.channel.connection_id(), "{} cannot be run: {}", program.name, child.error().message);
    const bool missing = child.error().code == ErrorCode::not_found;
    const std::string why = missing ? "not installed on this server" : "cannot be run on this server";
    co_await call.complain(why);
    co_return missing ? not_found : cannot_run;
  }
  const Relayed relayed = co_await relay(call.channel, **child, **flow);
  if (relayed.refused) {
    log::info("sftpd", call.channel.connection_id(), "{} is ended: {}", program.name, relayed.refused->message);
    const std::string why(shell_text(relayed.refused->code));
    co_await call.complain(why);
  }
  co_return relayed.status;
}

Task<Result<session::NativePlace>> place_of(Invocation call, Word word) {
  const Result<VirtualPath> path = call.path(word);
  if (!path) co_return fail(path.error());
  Result<session::NativePlace> place = co_await call.session.native_place(*path);
  co_return place;
}

// As git itself looks for one: the name as it is, then with ".git".
Task<Result<session::NativePlace>> repository(Invocation call, Word word) {
  word.home = word.text == "~" || word.text.starts_with("~/");  // git's clients quote it: git itself knows it
  Result<session::NativePlace> place = co_await place_of(call, word);
  if (place && !place->exists) {
    word.text += ".git";
    place = co_await place_of(call, word);
  }
  if (place && !place->exists) co_return fail(ErrorCode::not_found);
  if (place && !place->is_directory) co_return fail(ErrorCode::not_a_directory);
  co_return place;
}

}  // namespace

Task<int> git(Invocation call) {
  if (call.words.size() != 2 || call.words[1].text.starts_with('-')) {
    co_await call.complain("expected one repository");
    co_return 2;
  }
  Result<session::NativePlace> place = co_await repository(call, call.words[1]);
  if (!place) {
    co_await call.complain(call.words[1], place.error());
    co_return 128;  // as git does when it dies
  }
  Program program;
  program.name = "git";
  program.receives = call.name() == "git-receive-pack";
  program.arguments = {std::string(call.name().substr(4)), place->path};
  program.environment = git_environment();
  program.places.push_back(std::move(*place));
  const int status = co_await run(call, std::move(program));
  co_return status;
}

Task<int> rsync(Invocation call) {
  const Result<RsyncCall> parsed = parse_rsync(call.words);
  if (!parsed) {
    co_await call.complain(parsed.error().message);
    co_return 1;
  }
  Program program;
  program.name = "rsync";
  program.receives = !parsed->sender;
  program.environment = plain_environment();
  std::vector<std::string> paths;
  for (const Word& word : parsed->paths) {
    Result<session::NativePlace> place = co_await place_of(call, word);
    if (!place) {
      co_await call.complain(word, place.error());
      co_return 23;  // rsync's "partial transfer due to error"
    }
    paths.push_back(place->path + (word.text.ends_with('/') && !place->path.ends_with('/') ? "/" : ""));
    program.places.push_back(std::move(*place));
  }
  // One place to receive in; what is sent needs no further rights.
  Result<RsyncRun> permitted = rsync_run(*parsed, paths, program.places.front().rights);
  if (!permitted) {
    co_await call.complain(permitted.error().message);
    co_return 1;
  }
  if (!permitted->ignored.empty() && !program.places.front().rights.attributes_ignored) {
    const std::string note = "not permitted to this account, without effect: " + permitted->ignored;
    co_await call.complain(note);
  }
  program.arguments = std::move(permitted->arguments);
  const int status = co_await run(call, std::move(program));
  co_return status;
}

}  // namespace ferry::sshcmd
