// The login pipeline: the one place where every protocol's users, and administrators, are let in or refused.
//
//   auto outcome = co_await authenticator.login({.connection_id = id, .protocol = "SSH", .client_ip = ip,
//                                                .username = name, .method = auth::Method::password,
//                                                .password = std::move(password), .completed = steps});
//   if (!outcome) ...                  // authentication_failed, whatever the reason was; it is in the log
//   else if (outcome->code_due) ...    // ask for the one-time code, then call again with it and the password
//   else if (outcome->partial) ...     // tell the client which methods may follow: outcome->remaining
//   else ... outcome->user
//
// Steps, in this order, each of which refuses when it fails or cannot be decided (a provider or a hook that errs
// refuses): external authentication or the pre-login hook; account exists, status, expiration, access time, IP filters,
// protocol, second factor, login method; the check-password hook; credential, one-time code. A hook may take its time:
// it holds no thread. What it was asked about is looked at again once it has answered.
// The answer and its time tell nothing about which step refused, nor whether the account exists.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/login_hooks.h"
#include "auth/login_report.h"
#include "auth/second_factor.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/expiry_clock.h"
#include "base/task.h"
#include "crypto/password.h"
#include "crypto/secret.h"
#include "model/admin.h"
#include "model/user.h"
#include "model/validate.h"
#include "store/provider.h"

namespace ferry::auth {

enum class Method : std::uint8_t { none, password, publickey, keyboard_interactive };
// The name in logs and in denied_login_methods: "password", "publickey", "keyboard-interactive", "none".
std::string_view to_string(Method method);

struct LoginRequest {
  std::string connection_id;
  std::string protocol;  // SSH (SFTP, SCP too), FTP, DAV, HTTP
  std::string client_ip;
  std::string username;
  Method method = Method::none;
  crypto::Secret password;  // password, keyboard_interactive
  // The one-time code of an account that has them: of a dialogue, or sent beside the password (HTTP). FTP has no field
  // for it: there it stands at the password's end.
  std::optional<crypto::Secret> code;
  bool vouched = false;  // keyboard_interactive: a hook has decided about password and code; all else is checked
  Bytes public_key;      // publickey: the blob; the protocol has checked the signature, unless `probe`
  // publickey: whom a certificate that the protocol accepts was issued for; it stands in for the account's keys.
  std::vector<std::string> certified_names;
  bool prepared = false;  // keyboard_interactive: the hooks that provide accounts were asked when the dialogue began
  bool probe = false;     // publickey without signature yet: may this key log in? Records nothing
  // publickey: where a key that may not log in is noted, instead of being told. Clients offer all their keys: the
  // protocol reports one when the connection ends without a login.
  std::shared_ptr<std::optional<LoginReport>> refused_key;
  std::vector<Method> completed;  // steps that had partial success on this connection for this very username
};

struct LoginOutcome {
  model::UserPtr user;
  bool code_due = false;               // the password is right, the one-time code is missing: not logged in
  bool partial = false;                // one more step is needed
  std::vector<std::string> remaining;  // partial: SSH names of the methods that may follow
  std::string method;                  // as logged: "password", "publickey+password", ...
};

struct AdminLoginRequest {
  std::string username;
  crypto::Secret password;
  std::string client_ip;
  crypto::Secret code = {};  // one-time or recovery code
};

struct LoginOptions {
  model::NamingRules naming;
  crypto::PasswordHashing hashing;  // a stored hash of the other algorithm of these two is renewed at login
  bool password_caching = true;
  bool local_time = false;  // access_time is in the server's time zone, not UTC
  std::function<std::int64_t()> clock = expiry_now_ms;
  std::vector<TotpConfiguration> totp = {};
  crypto::Secret master_key = {};  // opens the secrets of one-time codes
  // Whether the account's directories may be used; its error refuses the login and is logged. `at_once`: it is asked on
  // an event loop and must not block, so that it may let through what it cannot tell; the session looks again.
  std::function<Result<void>(const model::User& user, bool at_once)> check_places = {};
  LoginHookOptions hooks = {};
  std::vector<LoginObserver*> observers = {};  // outlive the authenticator
};

class Authenticator {
 public:
  // Takes as long as one password hash.
  Authenticator(store::Provider& provider, LoginOptions options);
  ~Authenticator();

  // authentication_failed is the only error. Method::none is always refused. Ends are logged and told to the
  // observers, but not those of a probe, of a key with `refused_key`, nor of none: should the connection end without a
  // login, the protocol reports that.
  Task<Result<LoginOutcome>> login(LoginRequest request);
  // For dialogues: asks the hooks that provide accounts once, before anything else is asked or told. From then on
  // requests are `prepared`. authentication_failed is the only error.
  Task<Result<void>> prepare(LoginRequest request);
  // For dialogues that a hook leads: whether the password, or the one-time code, is the account's. All other steps
  // are taken as well, but nobody is logged in. authentication_failed is the only error.
  Task<Result<void>> check_password(LoginRequest request);
  Task<Result<void>> check_code(LoginRequest request);
  // The stored hash that hooks are told; empty for an account without one, and for none.
  Task<std::string> password_hash(std::string username);
  // Status, allow_list, password, code. authentication_failed is the only error.
  Task<Result<model::AdminPtr>> login_admin(AdminLoginRequest request);

  // A login that ended without being one of the above: logs a failure, tells the observers. Does not block. How long
  // the client shall wait for its answer.
  std::chrono::milliseconds report(const LoginReport& report);
  // The same, and waits.
  Task<void> conclude(LoginReport report);

  // What an account sets its second factor up with.
  const SecondFactor& second_factor() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A report about this request, but its outcome.
LoginReport report_of(const LoginRequest& request);

}  // namespace ferry::auth
