// Access tokens of REST: which account a request with one acts as, where it is valid and until when.
//
// A token names its administrator or user, its audience and the address it was given to. It ends at its expiry, at
// logout, and as soon as the account is disabled, deleted, expired, moved to another role, loses an address
// filter or permission, or gets another password: the account is looked up at every use.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/expiry_clock.h"
#include "crypto/secret.h"
#include "model/admin.h"
#include "model/user.h"
#include "store/provider.h"

namespace ferry::auth {

struct TokenOptions {
  crypto::Secret signing_passphrase;  // empty: a random key, so that tokens end with the process
  std::chrono::minutes lifetime{20};  // httpd.jwt_lifetime
  bool check_address = true;          // httpd.token_validation = 1 switches it off
  bool local_time = false;            // as LoginOptions
  std::function<std::int64_t()> clock = expiry_now_ms;
};

struct IssuedToken {
  std::string access_token;
  std::int64_t expires_at = 0;  // Unix seconds
};

class Tokens {
 public:
  Tokens(store::Provider& provider, TokenOptions options);
  ~Tokens();

  // For an account that has just logged in.
  IssuedToken issue(const model::Admin& admin, std::string_view client_ip);
  IssuedToken issue(const model::User& user, std::string_view client_ip);

  // The account that a request with this token acts as; may block. authentication_failed is the only error; the reason
  // is in its message.
  Result<model::AdminPtr> verify_admin_now(std::string_view token, std::string_view client_ip);
  Result<model::UserPtr> verify_user_now(std::string_view token, std::string_view client_ip);

  // Logout: the token is refused from now on. Remembered until it would have expired.
  void revoke(std::string_view token);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ferry::auth
