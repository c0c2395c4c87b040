// The hooks around a login: what they are asked, and what their answers mean (docs/hooks.md). Private to src/auth,
// except for the options.
//
// A hook that hangs, crashes, writes too much or not what is documented is an error, and an error refuses the login.
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

// From the section data_provider. Each hook is an absolute path or a URL (events::check_hook); empty: no such hook.
struct LoginHookOptions {
  events::Hooks* hooks = nullptr;  // this and `accounts` outlive the authenticator; null only without hooks
  store::Accounts* accounts = nullptr;
  std::string external_auth;
  unsigned external_auth_scope = 0;  // 1 password, 2 publickey, 4 keyboard-interactive; 0: all
  std::string pre_login;             // not asked when external_auth is set
  std::string check_password;
  unsigned check_password_scope = 0;  // 1 SSH, 2 FTP, 4 DAV, 8 HTTP; 0: all
  std::string post_login;
  int post_login_scope = 0;  // 1 failed logins, 2 successful ones; 0: both
};

// What the hooks have decided about a login.
struct HookVerdict {
  bool credential_right = false;  // external authentication or the check-password hook accepted the credential
  // The check-password hook answered "partial": compare the stored hash with this text instead of what the client sent.
  std::optional<crypto::Secret> to_verify;
};

class LoginHooks final : public LoginObserver {
 public:
  explicit LoginHooks(LoginHookOptions options) : options_(std::move(options)) {}

  // Whether provide_account() would ask a hook.
  bool provides_accounts(const LoginRequest& request) const;
  // Asks for external authentication, or else the pre-login hook, and stores the account they answer.
  // authentication_failed: the hook refused. Any other error: the hook or the provider failed.
  Task<Result<HookVerdict>> provide_account(const LoginRequest& request);

  bool checks_password(const LoginRequest& request) const;
  // The check-password hook, about an account that may log in. Errors as above.
  Task<Result<HookVerdict>> check_password(const LoginRequest& request, model::UserPtr user);

  // Starts the post-login hook in the background.
  std::chrono::milliseconds login_ended(const LoginReport& report) override;

 private:
  struct Stored;
  Result<Stored> read(const std::string& name) const;
  Task<Result<HookVerdict>> ask_external(const LoginRequest& request, const Stored& stored);
  Task<Result<HookVerdict>> ask_pre_login(const LoginRequest& request, const Stored& stored);
  Result<void> store(const Stored& stored, model::User user) const;

  const LoginHookOptions options_;
  PasswordCache accepted_;  // credentials that external authentication accepted lately
};

}  // namespace ferry::auth
