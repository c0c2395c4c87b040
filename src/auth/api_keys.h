// Checks the API key of a request: "id.secret", or "id.secret.username" for a key that is not bound to one account.
// Safe from any thread.
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

// The account that a request with a key acts as: an administrator or a user, by the key's scope.
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

  // Checks that the key exists, its secret is right and it has not expired; that the account allows API keys, and that
  // it may log in over HTTP now and from here (status, expiration, addresses, times, protocol). Password and one-time
  // code are not needed. Everything is checked at each request, so that a key stops working as soon as its account is
  // disabled. Blocks. Every error is a refusal; outcome_of() in auth/login_report.h tells whether the defender counts
  // it.
  Result<KeyCaller> verify_now(std::string_view text, std::string_view client_ip);

 private:
  Result<KeyCaller> attempt(std::string_view text, std::string_view client_ip);
  Result<void> check_secret(const model::ApiKey& key, std::string_view secret);
  Result<KeyCaller> find_account(const model::ApiKey& key, const std::string& owner, std::string_view client_ip);

  store::Provider& provider_;
  const model::NamingRules naming_;
  const bool local_time_;
  const std::function<std::int64_t()> clock_;
  PasswordCache cache_;  // keys that came with a dump may have a bcrypt hash, too slow to check for each request
};

}  // namespace ferry::auth
