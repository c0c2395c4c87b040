// Second factors: one-time codes of an authenticator app (TOTP, RFC 6238), and recovery codes to be used instead.
// Safe from any thread. Asks the provider, so calls may block.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "crypto/secret.h"
#include "crypto/totp.h"
#include "model/admin.h"
#include "model/filters.h"
#include "model/user.h"
#include "store/provider.h"

namespace ferry::auth {

// One entry of mfa.totp.
struct TotpConfiguration {
  std::string name;
  crypto::HashAlgorithm algorithm = crypto::HashAlgorithm::sha1;
  std::string issuer = {};
};
// sha1, sha256, sha512: as configured and shown.
std::string_view name_of(crypto::HashAlgorithm algorithm);

class SecondFactor {
 public:
  SecondFactor(store::Provider& provider, std::vector<TotpConfiguration> configurations, crypto::Secret master_key);

  // Whether the account logs in with a one-time code over this protocol.
  static bool applies(const model::TotpConfig& totp, std::string_view protocol);

  // Somebody who knows the password must not find the code (one of a million) by trying: after this many wrong codes
  // within the window, every one-time code of the account is refused until the window ends. Recovery codes still work:
  // they are too long to guess.
  static constexpr int most_wrong_codes = 10;
  static constexpr std::int64_t wrong_codes_window = 600;  // seconds

  // Checks a code and marks it as used, so that nobody who sees it can use it again. authentication_failed: it is not
  // the account's current code, or a code of its time step (30 s) or of a later one was used already. Any other error:
  // the provider failed, and the login is refused as well. Over HTTP an unused recovery code is accepted, too.
  Result<void> use_code(const model::User& user, std::string_view protocol, std::string_view code,
                        std::int64_t unix_seconds);
  Result<void> use_code(const model::Admin& admin, std::string_view code, std::int64_t unix_seconds);
  // Takes as long as use_code(); for accounts without codes, so that the time does not tell who has them.
  void waste_a_code(std::int64_t unix_seconds) const;

  // --- to set it up ---
  std::span<const TotpConfiguration> configurations() const { return configurations_; }
  // Null: there is none of that name.
  const TotpConfiguration* configuration(std::string_view name) const;
  // Whether the code is the secret's current one; does not mark it as used. invalid_argument: the secret is not base32,
  // or there is no such configuration.
  Result<bool> fits(std::string_view configuration, const crypto::Secret& secret, std::string_view code,
                    std::int64_t unix_seconds) const;
  // The same for who sets it up ("user:name", "admin:name"), and uses the code up for the next call, but not for a
  // login. authentication_failed: it is not the code of now; conflict: it has been tried before.
  Result<void> try_out(const std::string& account, std::string_view configuration, const crypto::Secret& secret,
                       std::string_view code, std::int64_t unix_seconds) const;

 private:
  static constexpr std::size_t least_sweep = 1024;
  Result<void> use_totp(const std::string& account, const model::TotpConfig& totp, std::string_view code,
                        std::int64_t unix_seconds);
  // The unused recovery code that equals `code`; null: none.
  const model::RecoveryCode* find(const std::vector<model::RecoveryCode>& codes, std::string_view code) const;

  store::Provider& provider_;
  const std::vector<TotpConfiguration> configurations_;
  const crypto::Secret master_key_;
  struct Tries {
    std::int64_t since = 0;  // Unix seconds
    int count = 0;
  };
  // Whether one more code may be tried. Counts it as wrong; was_right() takes that back.
  bool may_try(const std::string& account, std::int64_t unix_seconds);
  void was_right(const std::string& account);
  std::mutex mutex_;
  std::map<std::string, Tries> tries_;
  std::size_t sweep_at_ = least_sweep;  // size of tries_ at which ended windows are removed
};

}  // namespace ferry::auth
