// One-time codes at login: which algorithm an account's code has, whether it is right, and that none serves twice.
// Safe from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "crypto/secret.h"
#include "crypto/totp.h"
#include "model/filters.h"

namespace ferry::auth {

// One entry of mfa.totp.
struct TotpConfiguration {
  std::string name;
  crypto::HashAlgorithm algorithm = crypto::HashAlgorithm::sha1;
};

class SecondFactor {
 public:
  SecondFactor(std::vector<TotpConfiguration> configurations, crypto::Secret master_key);

  // Whether the account logs in with a one-time code over this protocol.
  static bool applies(const model::TotpConfig& totp, std::string_view protocol);

  // Uses the code up. authentication_failed: it is not the account's code of now, or the code of its time step or of
  // a later one has been used already. Any other error: it cannot be checked, and the login is refused as well.
  Result<void> use_code(const std::string& username, const model::TotpConfig& totp, std::string_view code,
                        std::int64_t unix_seconds);
  // The work of use_code for an account that has no codes.
  void waste_a_code(std::int64_t unix_seconds) const;

 private:
  bool claim(const std::string& username, crypto::TotpStep step, crypto::TotpStep now);

  const std::vector<TotpConfiguration> configurations_;
  const crypto::Secret master_key_;
  std::mutex mutex_;
  // The latest step used, by account; forgotten when its codes have ended. Lives with the process.
  std::map<std::string, crypto::TotpStep> used_;
  crypto::TotpStep swept_ = 0;
};

}  // namespace ferry::auth
