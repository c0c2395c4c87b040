// The user authentication protocol (RFC 4252, RFC 4256): parses requests, verifies signatures, asks the handler.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "base/task.h"
#include "ssh/server_handler.h"
#include "ssh/transport/transport.h"

namespace ferry::ssh {

class UserAuth {
 public:
  UserAuth(Transport& transport, ServerHandler& handler, int max_tries);

  // Takes one message of a client that is not yet authenticated. An error ends the connection; `payload`
  // must stay valid until the task is done.
  Task<Result<void>> handle(ByteSpan payload);
  bool authenticated() const { return authenticated_; }
  const std::string& user() const { return user_; }

 private:
  struct Request;
  Task<Result<void>> handle_request(ByteSpan payload);
  Task<AuthOutcome> public_key(const Request& request, bool& answered, bool& malformed);
  Task<AuthOutcome> refused(const std::string& user);
  Task<AuthOutcome> begin_dialogue(const Request& request, bool& answered, bool& malformed);
  Task<Result<void>> handle_answers(ByteSpan payload);
  std::optional<AuthOutcome> take_step(DialogueStep step);
  void leave_dialogue();
  Result<void> accept_service(ByteSpan payload);
  void send_banner();
  Result<void> conclude(const AuthOutcome& outcome, bool counts);

  Transport& transport_;
  ServerHandler& handler_;
  int max_tries_;
  int failures_ = 0;
  int requests_ = 0;
  bool service_accepted_ = false;
  bool banner_sent_ = false;
  bool authenticated_ = false;
  std::string user_;
  std::optional<std::size_t> prompts_open_;  // a dialogue waits for as many answers
  int rounds_ = 0;                           // of this dialogue
};

}  // namespace ferry::ssh
