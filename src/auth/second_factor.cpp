#include "auth/second_factor.h"

#include <algorithm>

namespace ferry::auth {

namespace {

constexpr std::int64_t seconds_a_step = 30;

std::unexpected<Error> refuse(std::string why) { return fail(ErrorCode::authentication_failed, std::move(why)); }

}  // namespace

SecondFactor::SecondFactor(std::vector<TotpConfiguration> configurations, crypto::Secret master_key)
    : configurations_(std::move(configurations)), master_key_(std::move(master_key)) {}

bool SecondFactor::applies(const model::TotpConfig& totp, std::string_view protocol) {
  return totp.enabled && std::ranges::find(totp.protocols, protocol) != totp.protocols.end();
}

Result<void> SecondFactor::use_code(const std::string& username, const model::TotpConfig& totp, std::string_view code,
                                    std::int64_t unix_seconds) {
  const auto configuration = std::ranges::find(configurations_, totp.config_name, &TotpConfiguration::name);
  if (configuration == configurations_.end()) return refuse("mfa.totp has no \"" + totp.config_name + "\"");
  const Result<crypto::Secret> secret = model::open(totp.secret, master_key_);
  if (!secret) return refuse("the secret of the one-time codes cannot be opened: " + secret.error().message);
  const auto step = crypto::find_totp_step(*secret, configuration->algorithm, unix_seconds, code);
  if (!step) return refuse(step.error().message);
  if (!*step) return refuse("the one-time code is wrong");
  const auto now = static_cast<crypto::TotpStep>(unix_seconds / seconds_a_step);
  if (!claim(username, **step, now)) return refuse("the one-time code has been used already");
  return {};
}

void SecondFactor::waste_a_code(std::int64_t unix_seconds) const {
  static const crypto::Secret nobodys(std::string_view("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
  (void)crypto::find_totp_step(nobodys, crypto::HashAlgorithm::sha1, unix_seconds, "      ");
}

bool SecondFactor::claim(const std::string& username, crypto::TotpStep step, crypto::TotpStep now) {
  const std::scoped_lock lock(mutex_);
  if (swept_ != now) {  // a code is good for one step before and after its own
    std::erase_if(used_, [now](const auto& entry) { return entry.second + 1 < now; });
    swept_ = now;
  }
  const auto [entry, first] = used_.try_emplace(username, step);
  if (first) return true;
  if (step <= entry->second) return false;
  entry->second = step;
  return true;
}

}  // namespace ferry::auth
