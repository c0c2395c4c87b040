// The outcome of a login, and the interface of those who are told of it: the defender, the post-login hook, the audit
// log.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/user.h"

namespace ferry::auth {

struct LoginReport {
  enum class Outcome : std::uint8_t {
    succeeded,
    refused,          // the account exists, and may not log in so
    unknown_account,  // there is no account of this name
    not_tried,        // the client left without sending a credential
    not_negotiated,   // client and server have no algorithm in common
    undecided,        // refused because a provider or a hook failed: the defender does not count it
  };
  Outcome outcome = Outcome::refused;
  std::string connection_id = {};
  std::string protocol = {};  // SSH, FTP, DAV, HTTP
  std::string client_ip = {};
  std::string username = {};  // as the client sent it; empty when it sent none
  std::string method = {};    // as logged: "password", "publickey+password", "no_auth_tried", ...
  std::string why = {};       // not succeeded: for the log, never for the client
  bool admin = false;         // the login of an administrator, over REST
  model::UserPtr user = {};   // the user's account, when it was found
};

// not_found: unknown_account; authentication_failed: refused; any other error: undecided.
LoginReport::Outcome outcome_of(const Error& error);

class LoginObserver {
 public:
  virtual ~LoginObserver() = default;
  // Called once for each login that ended, on any thread; must not block or throw. Not called for a step that succeeded
  // in part, nor for a probe of a key. Answers how long the client's answer is to be delayed; the longest delay of all
  // observers counts.
  virtual std::chrono::milliseconds login_ended(const LoginReport& report) = 0;
};

// A "connection_failed" log line in the documented shape. The order of its fields counts: CrowdSec and the like match
// the whole line with a pattern.
void log_connection_failed(const LoginReport& report);

// A login that succeeded, as its "login" log line tells it.
struct LoginLine {
  std::string_view client_ip;
  std::string_view username;
  std::string_view method;         // "password", "publickey: SHA256:... (ssh-ed25519)", ...
  std::string_view protocol;       // SSH, FTP, DAV, HTTP
  std::string_view connection_id;  // "": the protocol has none that outlives a request
  std::string_view client;         // what it says of itself
  bool encrypted = true;
  std::string_view info = {};  // "": nothing
};
void log_login(const LoginLine& login);

}  // namespace ferry::auth
