// Hooks: programs that are run and URLs that are asked, for whoever has something to tell or to ask. The one way for
// all of them; what they are told and what their answer means is their callers' business.
//
//   auto answer = co_await hooks.run({.name = "post_connect", .where = place,
//                                     .environment = {{"SFTPGO_CONNECTION_IP", ip}},
//                                     .method = "GET", .query = {{"ip", ip}}, .retried = true});
//   if (!answer || !answer->ok) ...   // no: it says no, or there is no telling what it says
//
// A program is started without a shell and sees the environment that is asked for, a minimal one and what the
// `command` section adds. It is killed with its children at its time limit, its output is bounded, and what it writes
// to standard error goes to the log. A URL is asked over http/client. Whatever a hook does ends in an answer or in an
// error; it never holds a thread up.
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
  // At once. A quarter is kept for what accounts do (fs_actions, provider_actions): strangers start the others.
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
  bool cut_output = false;         // a longer answer is no error: nobody reads it
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

  // timeout; limit_exceeded: too many at once; connection_lost: a longer answer than allowed, or none;
  // invalid_argument: what it should be told cannot be; not_found, permission_denied, ...: what kept a program from
  // running; aborted: closed. Belongs to the calling coroutine's executor.
  Task<Result<HookAnswer>> run(HookRequest request);
  // The same for which nobody waits, on a thread of its own: a failure is logged.
  void start(HookRequest request);
  // Lets started hooks end for so long, then ends them and all transfers. Call it, and destroy this, when the
  // io_contexts of run()'s callers do not run any more.
  void close(std::chrono::milliseconds patience);

  const HookOptions& options() const;
  http::Client& client();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ferry::events
