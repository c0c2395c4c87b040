// How logins end, for those who want to hear of it: defenders, delays, hooks, events.
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
    refused,          // the account exists
    unknown_account,  // there is none of this name
    not_tried,        // the client left without a credential
    not_negotiated,   // it has no algorithm in common with the server
    undecided,        // refused, but nobody knows whether the client is to blame: a provider or a hook failed
  };
  Outcome outcome = Outcome::refused;
  std::string connection_id = {};
  std::string protocol = {};  // SSH, FTP, DAV, HTTP
  std::string client_ip = {};
  std::string username = {};  // as the client sent it; empty when it sent none
  std::string method = {};    // as logged: "password", "publickey+password", "no_auth_tried", ...
  std::string why = {};       // not succeeded: for the log, never for the client
  bool admin = false;         // an administrator's, over REST
  model::UserPtr user = {};   // a user's account, when it is known
};

// not_found is an unknown account, authentication_failed a refusal; nobody is to blame for anything else.
LoginReport::Outcome outcome_of(const Error& error);

class LoginObserver {
 public:
  virtual ~LoginObserver() = default;
  // Called once for every end of a login, on whatever thread; neither blocks nor throws. Steps that succeeded in part
  // and probes of keys are no ends. How long the client shall wait for its answer.
  virtual std::chrono::milliseconds login_ended(const LoginReport& report) = 0;
};

// A "connection_failed" log line in the documented shape.
void log_connection_failed(const LoginReport& report);

}  // namespace ferry::auth
