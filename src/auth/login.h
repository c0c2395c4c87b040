// The login pipeline: decides for all protocols whether a user, or an administrator, may log in.
//
//   auto outcome = co_await authenticator.login({.connection_id = id, .protocol = "SSH", .client_ip = ip,
//                                                .username = name, .method = auth::Method::password,
//                                                .password = std::move(password), .completed = steps});
//   if (!outcome) ...                  // authentication_failed, whatever the reason, which is in the log
//   else if (outcome->code_due) ...    // ask for the one-time code, then call again with it and the password
//   else if (outcome->partial) ...     // tell the client which methods may follow: outcome->remaining
//   else ... outcome->user
//
// Steps, in this order: external authentication or the pre-login hook; account exists, status, expiration, access time,
// IP filters, places and storage that can be used, protocol, second factor, login method; the check-password hook;
// credential, one-time code. A step that cannot be decided, because the provider or a hook failed, refuses too. While a
// hook runs no thread waits; after its answer the account is read and checked again, since it may have been disabled
// meanwhile. Neither the answer nor the time it takes tells a client which step refused, or whether the account exists.
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
  bool vouched = false;  // keyboard_interactive: a hook has accepted password and code; all else is still checked
  Bytes public_key;      // publickey: the blob; the protocol has checked the signature, unless `probe`
  // publickey: what the signature of a security key says of its making; others are taken for touched and not verified.
  bool user_present = true, user_verified = false;
  // publickey: the principals of a certificate that the protocol has accepted. The username must be one of them; the
  // account's own keys are not asked then.
  std::vector<std::string> certified_names;
  bool prepared = false;  // keyboard_interactive: the hooks that provide accounts were asked when the dialogue began
  bool probe = false;     // publickey without signature yet: may this key log in? Records nothing
  // publickey: where the refusal of a key is noted, instead of being logged and told to the observers. Clients offer
  // all their keys in turn, and one wrong key is no attack: the protocol reports the last one when the connection ends
  // without a login.
  std::shared_ptr<std::optional<LoginReport>> refused_key;
  std::vector<Method> completed;  // methods that succeeded before on this connection, for this username
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
  crypto::PasswordHashing hashing;  // at login a stored hash of bcrypt or argon2id that is not the configured one of
                                    // the two is replaced
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
  // Why nobody can use this account, for the log: its storage is not there. "": it can be used.
  std::function<std::string(const model::User&)> obstacle = {};
};

class Authenticator {
 public:
  // Takes as long as one password hash.
  Authenticator(store::Provider& provider, LoginOptions options);
  ~Authenticator();

  // authentication_failed is the only error. Method::none is always refused. The outcome is logged and told to the
  // observers, except for a probe, for a refused key with `refused_key`, and for Method::none: when the connection ends
  // without a login, the protocol reports that.
  Task<Result<LoginOutcome>> login(LoginRequest request);
  // For dialogues: asks the hooks that provide accounts (external authentication, pre-login) before the first question.
  // Set `prepared` in later requests of the dialogue, so that they are not asked again. authentication_failed is the
  // only error.
  Task<Result<void>> prepare(LoginRequest request);
  // For dialogues that a hook leads: whether the password, or the one-time code, is the account's. All other steps of
  // the pipeline are checked as well, but no login results. authentication_failed is the only error.
  Task<Result<void>> check_password(LoginRequest request);
  Task<Result<void>> check_code(LoginRequest request);
  // The stored password hash, which hooks are told; empty when the account has none or does not exist.
  Task<std::string> password_hash(std::string username);
  // Status, allow_list, password, code. authentication_failed is the only error.
  Task<Result<model::AdminPtr>> login_admin(AdminLoginRequest request);

  // For logins that end otherwise (a client that left without a credential, a token that is not valid): logs a failure
  // and tells the observers. Does not block. Answers how long the client's answer is to be delayed.
  std::chrono::milliseconds report(const LoginReport& report);
  // The same, and waits that long.
  Task<void> conclude(LoginReport report);

  // For setting up a second factor.
  const SecondFactor& second_factor() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A report with the fields of this request, still without an outcome.
LoginReport report_of(const LoginRequest& request);

}  // namespace ferry::auth
