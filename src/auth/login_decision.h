// The steps of auth/login.h that need only what is stored: account and credential. Runs after the hooks have answered.
// All calls but decide_at_once() may block, and none logs or tells observers. Private to src/auth.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auth/login.h"
#include "auth/login_hooks.h"
#include "auth/password_cache.h"
#include "auth/refusal_time.h"
#include "auth/rules.h"
#include "auth/second_factor.h"
#include "store/provider.h"

namespace ferry::auth {

// Safe from any thread. `verdict`: what the hooks have decided. Errors: authentication_failed is a refusal, not_found
// an account that does not exist; any other one means that the provider failed.
class LoginDecision {
 public:
  // Takes as long as two password hashes. Both outlive it.
  LoginDecision(store::Provider& provider, const LoginOptions& options);

  // `known` becomes the account, also when its login is refused; as in the others.
  Result<LoginOutcome> decide(const LoginRequest& request, const HookVerdict& verdict, model::UserPtr& known);
  // As decide(), without blocking: a login by a right key of an account that is in the provider's memory. No value when
  // the provider would have to be asked or the key is not right; call decide() then.
  std::optional<LoginOutcome> decide_at_once(const LoginRequest& request, const HookVerdict& verdict);
  // Checks only the password, or only the code, of a dialogue, and all rules of the account.
  Result<void> decide_part(const LoginRequest& request, bool code, const HookVerdict& verdict, model::UserPtr& known);
  Result<model::AdminPtr> decide_admin(const AdminLoginRequest& request);

  // The account, if its rules allow this login, before the credential is checked. A refusal takes as long as a password
  // hash, so that its time does not tell whether the account exists.
  Result<model::UserPtr> allowed_user(const LoginRequest& request, model::UserPtr& known);
  // When a refused password may be answered.
  RefusalTime& refusal_time() { return refusal_time_; }
  const SecondFactor& second_factor() const { return second_factor_; }

 private:
  Result<LoginOutcome> decide_about(Result<model::UserPtr> user, const LoginRequest& request,
                                    const HookVerdict& verdict, const Circumstances& at, bool at_once);
  // Everything about the account but its credential. `at_once`: without blocking.
  Result<MethodOutcome> check_account(const Result<model::UserPtr>& user, const LoginRequest& request,
                                      const Circumstances& at, bool at_once) const;
  Result<model::UserPtr> user_of(const LoginRequest& request);
  Result<model::UserPtr> user_of(const LoginRequest& request, model::UserPtr& known);
  Result<void> check_credential(model::UserPtr& user, const LoginRequest& request, const HookVerdict& verdict,
                                const Circumstances& at);
  Result<void> check_password(model::UserPtr& user, const LoginRequest& request, const HookVerdict& verdict);
  Result<void> check_code(const model::User& user, const std::optional<crypto::Secret>& code,
                          std::string_view protocol);
  Circumstances circumstances(const LoginRequest& request) const;
  // Whether the password is the stored hash's. Takes the time of a hash for an account without one, too.
  bool password_matches(const std::string& account, const std::string& stored, std::string_view password);
  void waste_a_hash(std::string_view password);
  // crypto::verify_password, of which refusals learn how busy the machine is.
  Result<bool> verify(const std::string& stored, std::string_view password);
  // The hash that should replace a stored one that has just verified; empty: none.
  std::string renewed_hash(const std::string& stored, std::string_view password) const;

  store::Provider& provider_;
  const LoginOptions& options_;
  SecondFactor second_factor_;
  RefusalTime refusal_time_;
  const std::string dummy_hash_;
  PasswordCache cache_;
};

}  // namespace ferry::auth
