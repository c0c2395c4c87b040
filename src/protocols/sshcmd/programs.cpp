// git-receive-pack, git-upload-pack, git-upload-archive and rsync: programs of the system, run for a client.
//
// Whoever may write files can write git hooks, git configuration and links, so a program gets no way to what lies
// outside: its arguments are checked, its environment is ours, and a sandbox of the kernel shows it nothing but its
// libraries and the path it was asked for. Nothing but the program itself can be run in there: git runs parts of its
// own
// (`git pack-objects`), and whatever else a repository's configuration names for it, as [tar "x"] command = ..., fails.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/child.h"
#include "base/error_text.h"
#include "base/log.h"
#include "protocols/sshcmd/commands.h"
#include "protocols/sshcmd/relay.h"
#include "protocols/sshcmd/rsync_options.h"

namespace ferry::sshcmd {

namespace {

using session::FlowUse;

constexpr int cannot_run = 126, not_found = 127;

struct Program {
  std::string_view name;  // of the file
  std::vector<std::string> arguments;
  std::vector<std::string> (*environment)(const std::string& file);
  std::vector<session::NativePlace> places = {};  // what it works on; at least one
  FlowUse use = FlowUse::read;
  bool signals = false;  // its processes signal one another
};

// A configuration file in a repository is the account's to write. These win over it where the name of a setting is
// known beforehand; filters, tar formats and the like have names of the account's choice, and are left to the sandbox.
constexpr std::array<std::pair<std::string_view, std::string_view>, 22> git_settings{{
    {"core.hooksPath", "/dev/null"},
    {"core.fsmonitor", "false"},
    {"core.alternateRefsCommand", "true"},
    {"core.sshCommand", "false"},
    {"core.gitProxy", "false"},
    {"core.askPass", "false"},
    {"core.editor", "false"},
    {"core.pager", "cat"},
    {"core.attributesFile", "/dev/null"},
    {"core.excludesFile", "/dev/null"},
    {"credential.helper", ""},
    {"gpg.program", "false"},
    {"gpg.x509.program", "false"},
    {"gpg.ssh.program", "false"},
    {"gpg.ssh.defaultKeyCommand", ""},
    {"gc.auto", "0"},
    {"gc.autoDetach", "false"},
    {"maintenance.auto", "false"},
    {"receive.autogc", "false"},
    {"receive.denyCurrentBranch", "refuse"},
    {"protocol.allow", "never"},
    {"safe.directory", "*"},  // the account owns its repositories, whoever the system says it is
}};

std::string folder_of(const std::string& file) { return file.substr(0, std::max<std::size_t>(1, file.rfind('/'))); }

std::vector<std::string> environment_for(const std::string& program) {
  return {"PATH=" + folder_of(program), "HOME=/nonexistent", "LC_ALL=C", "LANG=C"};
}

std::vector<std::string> git_environment(const std::string& program) {
  std::vector<std::string> all = environment_for(program);
  // It runs its own parts as `git <part>` of GIT_EXEC_PATH, so that this file is all it needs.
  all.push_back("GIT_EXEC_PATH=" + folder_of(program));
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

// Not the system's users: a client can have any readable file taken for rsync's filter rules or git's configuration,
// and reads it in the complaints. So owners are numbers.
Result<Sandbox> sandbox_for(const std::string& program, const Program& what) {
  SandboxRules rules;
  rules.programs = {program};
  rules.readable = {"/usr/lib",         "/usr/lib64",     "/usr/local/lib",      "/lib",         "/lib64",
                    "/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo", "/dev/urandom", "/dev/zero"};
  for (const session::NativePlace& place : what.places) rules.writable.push_back(place.touched.get());
  rules.signals = what.signals;
  return Sandbox::make(rules);
}

Task<Result<std::unique_ptr<Child>>> start(Program& program, std::optional<std::uint64_t> largest_file) {
  auto prepare = [&program]() -> Result<std::pair<std::string, Sandbox>> {
    std::string file = find_program(program.name);
    if (file.empty()) return fail(ErrorCode::not_found, std::string(program.name) + " is not installed");
    Result<Sandbox> sandbox = sandbox_for(file, program);
    if (!sandbox) return fail(sandbox.error());
    return std::pair(std::move(file), std::move(*sandbox));
  };
  Result<std::pair<std::string, Sandbox>> prepared = co_await run_blocking(Lane::process, prepare);
  if (!prepared) co_return fail(prepared.error());
  const session::NativePlace& place = program.places.front();
  ChildOptions options;
  options.program = std::move(prepared->first);
  options.arguments = std::move(program.arguments);
  options.environment = program.environment(options.program);
  options.directory = place.home.get();
  options.sandbox = std::move(prepared->second);
  options.identity = {place.uid, place.gid};
  options.largest_file = largest_file;
  Result<std::unique_ptr<Child>> child = co_await Child::start(std::move(options));
  co_return child;
}

Task<int> refuse(Invocation call, Error error) {
  log::info("sftpd", call.channel.connection_id(), "{} is not run: {}", call.name(), error.message);
  const std::string why(shell_text(error.code));
  co_await call.complain(why);
  co_return 1;
}

Task<int> run(Invocation call, Program program) {
  const Result<std::unique_ptr<session::DataFlow>> flow =
      call.session.begin_flow(program.places.front().virtual_path, program.use);
  int status = 0;
  if (!flow) {
    status = co_await refuse(call, flow.error());
    co_return status;
  }
  std::vector<VirtualPath> trees;
  for (const session::NativePlace& place : program.places) trees.push_back(place.tree);
  const Result<std::optional<std::uint64_t>> largest_file = co_await (*flow)->begin_watch(std::move(trees));
  if (!largest_file) {
    status = co_await refuse(call, largest_file.error());
    co_return status;
  }
  Result<std::unique_ptr<Child>> child = co_await start(program, *largest_file);
  if (!child) {
    log::warn("sftpd", call.channel.connection_id(), "{} cannot be run: {}", program.name, child.error().message);
    const bool missing = child.error().code == ErrorCode::not_found;
    const std::string why = missing ? "not installed on this server" : "cannot be run on this server";
    co_await call.complain(why);
    co_return missing ? not_found : cannot_run;
  }
  TellWhy tell = [&call, &program](const Error& why) {
    log::info("sftpd", call.channel.connection_id(), "{} is ended: {}", program.name, why.message);
    return call.complain(std::string(shell_text(why.code)));
  };
  const Relayed relayed = co_await relay(call.channel, **child, **flow, std::move(tell));
  const bool refused = relayed.refused.has_value();
  co_return refused&& relayed.status == 0 ? 1 : relayed.status;
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
  Program program{.name = "git",
                  .arguments = {std::string(call.name().substr(4)), place->path},
                  .environment = git_environment,
                  .use = call.name() == "git-receive-pack" ? FlowUse::stored : FlowUse::read};
  program.places.push_back(std::move(*place));
  const int status = co_await run(call, std::move(program));
  co_return status;
}

namespace {

// The directory that rsync will work in when it receives.
VirtualPath target_of(const session::NativePlace& place, const Word& word, const RsyncCall& parsed) {
  const bool recursive = std::ranges::any_of(parsed.options, [](std::string_view option) {
    return !option.starts_with("--") && option.substr(0, option.find('e')).find('r') != std::string_view::npos;
  });
  // What is not there yet becomes a directory unless it is the name of one file.
  const bool directory = place.is_directory || word.text.ends_with('/') || (!place.exists && recursive);
  return directory ? place.virtual_path : place.virtual_path.parent();
}

// The path of a directory on this machine.
Result<std::string> where_is(const Descriptor& directory) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(directory.get()), error);
  if (error) return fail_errno(error.value(), "the home's path");
  return path.string();
}

// What an option names: appends where it lies to `places`, and answers it as the program is to see it.
Task<Result<std::string>> named_place(Invocation call, RsyncPath option, VirtualPath target,
                                      std::vector<session::NativePlace>& places) {
  if (option.name == "--files-from") {
    Result<session::NativePlace> list = co_await place_of(call, option.value);
    if (!list) co_return fail(list.error());
    std::string path = list->path;
    places.push_back(std::move(*list));
    co_return path;
  }
  const Result<VirtualPath> directory = rsync_directory(target, option.value.text);
  if (!directory) co_return fail(directory.error());
  // The kernel lets it work in all of the target.
  const bool absolute = option.value.text.starts_with('/'), inside = directory->is_within(target);
  if (inside && !absolute) co_return option.value.text;
  Result<session::NativePlace> place = co_await call.session.native_place(*directory);
  if (!place) co_return fail(place.error());
  // rsync 3.5 takes no "../" in a directory for temporary files, though its clients write so.
  std::string argument = option.value.text;
  if (absolute || option.name == "--temp-dir") {
    Result<std::string> home = where_is(place->home);
    if (!home) co_return fail(home.error());
    argument = *home + directory->text();
  }
  // What is only looked into need not be there: rsync says so and goes on without it.
  const bool read_only = option.name.ends_with("-dest");
  if (place->exists || !read_only) places.push_back(std::move(*place));
  co_return argument;
}

// Finds all that `parsed` names; what cannot be is told to the client.
Task<std::optional<RsyncPlaces>> find_places(Invocation call, const RsyncCall& parsed,
                                             std::vector<session::NativePlace>& places) {
  RsyncPlaces found;
  for (const Word& word : parsed.paths) {
    Result<session::NativePlace> place = co_await place_of(call, word);
    if (!place) {
      co_await call.complain(word, place.error());
      co_return std::nullopt;
    }
    found.paths.push_back(place->path + (word.text.ends_with('/') && !place->path.ends_with('/') ? "/" : ""));
    places.push_back(std::move(*place));
  }
  const VirtualPath target = target_of(places.front(), parsed.paths.front(), parsed);
  for (const RsyncPath& option : parsed.named) {
    Result<std::string> argument = co_await named_place(call, option, target, places);
    if (!argument) {
      co_await call.complain(option.value, argument.error());
      co_return std::nullopt;
    }
    found.named.push_back(std::move(*argument));
  }
  co_return found;
}

FlowUse use_of(const RsyncCall& parsed) {
  if (!parsed.sender) return FlowUse::stored;
  const bool removes = parsed.has("--remove-source-files") || parsed.has("--remove-sent-files");
  return removes ? FlowUse::moved : FlowUse::read;
}

session::NativeRights common_rights(const std::vector<session::NativePlace>& places) {
  session::NativeRights rights = places.front().rights;
  for (const session::NativePlace& place : places) {
    rights.links = rights.links && place.rights.links;
    rights.chmod = rights.chmod && place.rights.chmod;
    rights.chown = rights.chown && place.rights.chown;
    rights.chtimes = rights.chtimes && place.rights.chtimes;
    rights.xattrs = rights.xattrs && place.rights.xattrs;
  }
  return rights;
}

}  // namespace

Task<int> rsync(Invocation call) {
  const Result<RsyncCall> parsed = parse_rsync(call.words);
  if (!parsed) {
    co_await call.complain(parsed.error().message);
    co_return 1;
  }
  // The processes of a receiving rsync end one another by signals.
  Program program{
      .name = "rsync", .arguments = {}, .environment = environment_for, .use = use_of(*parsed), .signals = true};
  const std::optional<RsyncPlaces> found = co_await find_places(call, *parsed, program.places);
  if (!found) co_return 23;  // rsync's "partial transfer due to error"
  const session::NativeRights rights = common_rights(program.places);
  Result<RsyncRun> permitted = rsync_run(*parsed, *found, rights);
  if (!permitted) {
    co_await call.complain(permitted.error().message);
    co_return 1;
  }
  if (!permitted->ignored.empty() && !rights.attributes_ignored) {
    const std::string note = "not permitted to this account, without effect: " + permitted->ignored;
    co_await call.complain(note);
  }
  program.arguments = std::move(permitted->arguments);
  const int status = co_await run(call, std::move(program));
  co_return status;
}

}  // namespace ferry::sshcmd
