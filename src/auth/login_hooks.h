// The hooks around a login: what they are asked, and what their answers mean (docs/hooks.md). Private to src/auth, but
// for the options.
//
// A hook that hangs, dies, says too much or makes no sense is an error, and so a refusal.
#pragma once

#include <optional>
#include <string>

#include "auth/login_report.h"
#include "auth/password_cache.h"
#include "base/task.h"
#include "crypto/secret.h"

namespace ferry::events {
class Hooks;
}
namespace ferry::store {
class Accounts;
}

namespace ferry::auth {

struct LoginRequest;

// Section data_provider. Places as events::check_hook has them; empty: there is no such hook.
struct LoginHookOptions {
  events::Hooks* hooks = nullptr;  // these two outlive the authenticator, and are there when there is a hook
  store::Accounts* accounts = nullptr;
  std::string external_auth;
  unsigned external_auth_scope = 0;  // 1 password, 2 publickey, 4 keyboard-interactive; 0: all
  std::string pre_login;             // not asked when external_auth is set
  std::string check_password;
  unsigned check_password_scope = 0;  // 1 SSH, 2 FTP, 4 DAV, 8 HTTP; 0: all
  std::string post_login;
  int post_login_scope = 0;  // 1 failed logins, 2 successful ones; 0: both
};

// What hooks have said about a login.
struct HookVerdict {
  bool credential_right = false;            // external authentication, or the check-password hook
  std::optional<crypto::Secret> to_verify;  // the check-password hook: the stored password is to be this one
};

class LoginHooks final : public LoginObserver {
 public:
  explicit LoginHooks(LoginHookOptions options) : options_(std::move(options)) {}

  // Whether provide_account() may ask somebody.
  bool provides_accounts(const LoginRequest& request) const;
  // Asks for external authentication, or else the pre-login hook, and stores the account they answer.
  // authentication_failed: the hook says no. Any other error: it cannot be decided.
  Task<Result<HookVerdict>> provide_account(const LoginRequest& request);

  bool checks_password(const LoginRequest& request) const;
  // The check-password hook, about an account that may log in. Errors as above.
  Task<Result<HookVerdict>> check_password(const LoginRequest& request, model::UserPtr user);

  // The post-login hook, in the background.
  std::chrono::milliseconds login_ended(const LoginReport& report) override;

 private:
  struct Stored;
  Result<Stored> read(const std::string& name) const;
  Task<Result<HookVerdict>> ask_external(const LoginRequest& request, const Stored& stored);
  Task<Result<HookVerdict>> ask_pre_login(const LoginRequest& request, const Stored& stored);
  Result<void> store(const Stored& stored, model::User user) const;

  const LoginHookOptions options_;
  PasswordCache accepted_;  // by external authentication
};

}  // namespace ferry::auth
