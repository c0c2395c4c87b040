// API keys at a request: "id.secret", or "id.secret.username" for a key that is bound to nobody. Safe from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "auth/password_cache.h"
#include "base/error.h"
#include "base/expiry_clock.h"
#include "model/admin.h"
#include "model/user.h"
#include "model/validate.h"
#include "store/provider.h"

namespace ferry::auth {

// Whom a key speaks for: one of the two, by its scope.
struct KeyCaller {
  std::string id;
  model::AdminPtr admin;
  model::UserPtr user;  // with the settings of its groups
};

class ApiKeyChecker {
 public:
  // local_time, clock: as LoginOptions.
  ApiKeyChecker(store::Provider& provider, model::NamingRules naming, bool local_time,
                std::function<std::int64_t()> clock = expiry_now_ms)
      : provider_(provider), naming_(naming), local_time_(local_time), clock_(std::move(clock)) {}

  // The key is known, right and not expired; the account allows API keys and keeps the rules of a login over HTTP
  // (status, expiration, addresses, times, protocol). A key stands in for password and one-time code. All of it is
  // asked anew at each use, so a key ends with its account. Blocking. Every error is a refusal; outcome_of
  // (auth/login_report.h) says who is to blame for it.
  Result<KeyCaller> verify_now(std::string_view text, std::string_view client_ip);

 private:
  Result<KeyCaller> attempt(std::string_view text, std::string_view client_ip);
  Result<void> check_secret(const model::ApiKey& key, std::string_view secret);
  Result<KeyCaller> find_account(const model::ApiKey& key, const std::string& owner, std::string_view client_ip);

  store::Provider& provider_;
  const model::NamingRules naming_;
  const bool local_time_;
  const std::function<std::int64_t()> clock_;
  PasswordCache cache_;  // for keys of dumps, whose hashes may be slow
};

}  // namespace ferry::auth
