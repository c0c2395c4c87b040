// Hooks: programs that Ferry runs and URLs that it asks, to tell the operator's own code of an event or to let it
// decide something. All hooks are run by this class. Callers decide what a hook is told and what its answer means.
//
//   auto answer = co_await hooks.run({.name = "post_connect", .where = place,
//                                     .environment = {{"SFTPGO_CONNECTION_IP", ip}},
//                                     .method = "GET", .query = {{"ip", ip}}, .retried = true});
//   if (!answer || !answer->ok) ...   // refused: the hook said no, or failed
//
// A program is started without a shell and sees the environment that is asked for, a minimal one and what the
// `command` section adds. At its time limit it is killed with its process group. Its output is bounded, and what it
// writes to standard error goes to the log. A URL is asked over http/client. A hook that hangs, crashes or writes too
// much ends in an error; while it runs no thread waits for it.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/task.h"
#include "http/client.h"

namespace ferry::events {

// The section `command`.
struct HookOptions {
  struct Command {
    std::string path;                      // of the program this is for
    std::string hook;                      // only for the hook of this name; empty: for all
    std::chrono::seconds timeout{0};       // 0: that of all
    std::vector<std::string> environment;  // NAME=value, beside those of all
    std::vector<std::string> arguments;
  };
  std::chrono::seconds timeout{30};
  std::vector<std::string> environment;  // NAME=value
  std::vector<Command> commands;
  // Programs that run at the same time. A quarter of the places is kept for fs_actions and provider_actions, which only
  // accounts can cause: else strangers who open connections or try logins (post_connect, check_password, ...) could
  // keep the hooks of working users from running.
  std::size_t most_programs = 256;
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct HookRequest {
  std::string name;                // as command.commands[].hook has it: fs_actions, pre_login, ...
  std::string where;               // an absolute path, or a URL of http or https
  Pairs environment = {};          // programs: SFTPGO_...
  std::string method = "POST";     // URLs, as are the next four
  Pairs query = {};                // added to the URL
  std::string body = {};           // JSON
  bool retried = false;            // as http.retry_* say
  std::size_t max_output = 65536;  // bytes of its answer: programs too
  bool cut_output = false;         // a longer answer is cut instead of being an error
};

struct HookAnswer {
  int status = 0;   // a program's exit status (128 and the signal's number when one ended it), or a URL's HTTP status
  bool ok = false;  // status 0, or 200
  std::string output = {};  // standard output, or the body
};

// Whether `where` can be a hook: invalid_argument says why not.
Result<void> check_hook(std::string_view where);
bool is_url(std::string_view where);

// Safe from any thread.
class Hooks {
 public:
  Hooks(HookOptions options, http::ClientOptions client);
  ~Hooks();

  // Errors: timeout; limit_exceeded: most_programs run already; connection_lost: no answer, or a longer one than
  // allowed; invalid_argument: the request cannot be passed on (a NUL in a variable); not_found, permission_denied,
  // ...: the program could not be started; aborted: closed. Runs on the calling coroutine's executor.
  Task<Result<HookAnswer>> run(HookRequest request);
  // Runs a hook without waiting for it, on a thread of this object's own; a failure is logged.
  void start(HookRequest request);
  // Waits up to `patience` for hooks begun by start(), then kills them and ends all requests to URLs. Call it, and
  // destroy this object, only after the io_contexts of the callers of run() have stopped.
  void close(std::chrono::milliseconds patience);

  const HookOptions& options() const;
  http::Client& client();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ferry::events
