#include "auth/second_factor.h"

#include <algorithm>

#include "auth/refuse.h"

namespace ferry::auth {

namespace {

constexpr std::size_t code_length = 6;

// Marks the stored twin of `code` as used; somebody else may have been quicker.
Result<void> spend(std::vector<model::RecoveryCode>& stored, const model::RecoveryCode& code) {
  const auto twin = std::ranges::find(stored, code);
  if (twin == stored.end()) return refuse("the recovery code has been used already");
  twin->used = true;
  return {};
}

}  // namespace

std::string_view name_of(crypto::HashAlgorithm algorithm) {
  if (algorithm == crypto::HashAlgorithm::sha256) return "sha256";
  if (algorithm == crypto::HashAlgorithm::sha512) return "sha512";
  return "sha1";
}

SecondFactor::SecondFactor(store::Provider& provider, std::vector<TotpConfiguration> configurations,
                           crypto::Secret master_key)
    : provider_(provider), configurations_(std::move(configurations)), master_key_(std::move(master_key)) {}

bool SecondFactor::applies(const model::TotpConfig& totp, std::string_view protocol) {
  return totp.enabled && std::ranges::find(totp.protocols, protocol) != totp.protocols.end();
}

const TotpConfiguration* SecondFactor::configuration(std::string_view name) const {
  const auto found = std::ranges::find(configurations_, name, &TotpConfiguration::name);
  return found == configurations_.end() ? nullptr : &*found;
}

Result<bool> SecondFactor::fits(std::string_view name, const crypto::Secret& secret, std::string_view code,
                                std::int64_t unix_seconds) const {
  const TotpConfiguration* configured = configuration(name);
  if (configured == nullptr) return fail(ErrorCode::invalid_argument, "config_name: unknown configuration");
  const auto step = crypto::find_totp_step(secret, configured->algorithm, unix_seconds, code);
  if (!step) return fail(step.error());
  return step->has_value();
}

Result<void> SecondFactor::try_out(const std::string& account, std::string_view name, const crypto::Secret& secret,
                                   std::string_view code, std::int64_t unix_seconds) const {
  const TotpConfiguration* configured = configuration(name);
  if (configured == nullptr) return fail(ErrorCode::invalid_argument, "config_name: unknown configuration");
  const auto step = crypto::find_totp_step(secret, configured->algorithm, unix_seconds, code);
  if (!step) return fail(step.error());
  if (!*step) return refuse("the passcode is not valid");
  // Names hold no '/': this is nobody's account.
  const auto claimed = provider_.claim_code_step("setup/" + account, static_cast<std::int64_t>(**step));
  if (!claimed) return fail(claimed.error());
  if (!*claimed) return fail(ErrorCode::conflict, "this passcode has been used already");
  return {};
}

bool SecondFactor::may_try(const std::string& account, std::int64_t unix_seconds) {
  const std::scoped_lock lock(mutex_);
  const auto ended = [&](const Tries& tries) { return unix_seconds - tries.since >= wrong_codes_window; };
  if (tries_.size() >= sweep_at_) {
    std::erase_if(tries_, [&](const auto& entry) { return ended(entry.second); });
    sweep_at_ = std::max(least_sweep, 2 * tries_.size());
  }
  Tries& tries = tries_[account];
  if (tries.count == 0 || ended(tries)) tries = {unix_seconds, 0};
  if (tries.count >= most_wrong_codes) return false;
  ++tries.count;
  return true;
}

void SecondFactor::was_right(const std::string& account) {
  const std::scoped_lock lock(mutex_);
  tries_.erase(account);
}

Result<void> SecondFactor::use_totp(const std::string& account, const model::TotpConfig& totp, std::string_view code,
                                    std::int64_t unix_seconds) {
  const TotpConfiguration* configured = configuration(totp.config_name);
  if (configured == nullptr) return refuse("mfa.totp has no \"" + totp.config_name + "\"");
  const Result<crypto::Secret> secret = model::open(totp.secret, master_key_);
  if (!secret) return refuse("the secret of the one-time codes cannot be opened: " + secret.error().message);
  if (!may_try(account, unix_seconds)) return refuse("too many wrong one-time codes");
  const auto step = crypto::find_totp_step(*secret, configured->algorithm, unix_seconds, code);
  if (!step) return refuse(step.error().message);
  if (!*step) return refuse("the one-time code is wrong");
  const auto claimed = provider_.claim_code_step(account, static_cast<std::int64_t>(**step));
  if (!claimed) return fail(claimed.error());
  if (!*claimed) return refuse("the one-time code has been used already");
  was_right(account);  // not before: a code that was seen once would let guessing go on
  return {};
}

const model::RecoveryCode* SecondFactor::find(const std::vector<model::RecoveryCode>& codes,
                                              std::string_view code) const {
  const model::RecoveryCode* found = nullptr;
  for (const model::RecoveryCode& candidate : codes) {
    const auto secret = model::open(candidate.secret, master_key_);
    const bool good = secret && !secret->empty() && !candidate.used;
    if (good && crypto::equal_in_constant_time(secret->bytes(), as_bytes(code))) found = &candidate;
  }
  return found;
}

Result<void> SecondFactor::use_code(const model::User& user, std::string_view protocol, std::string_view code,
                                    std::int64_t unix_seconds) {
  if (code.size() == code_length || protocol != "HTTP") {
    return use_totp("user:" + user.username, user.filters.totp_config, code, unix_seconds);
  }
  const model::RecoveryCode* recovery = find(user.filters.recovery_codes, code);
  if (recovery == nullptr) return refuse("the recovery code is wrong");
  const auto spent = provider_.change_user(
      user.username, [&](model::User& stored) { return spend(stored.filters.recovery_codes, *recovery); });
  if (!spent) return fail(spent.error());
  return {};
}

Result<void> SecondFactor::use_code(const model::Admin& admin, std::string_view code, std::int64_t unix_seconds) {
  if (code.size() == code_length) {
    return use_totp("admin:" + admin.username, admin.filters.totp_config, code, unix_seconds);
  }
  const model::RecoveryCode* recovery = find(admin.filters.recovery_codes, code);
  if (recovery == nullptr) return refuse("the recovery code is wrong");
  const auto spent = provider_.change_admin(
      admin.username, [&](model::Admin& stored) { return spend(stored.filters.recovery_codes, *recovery); });
  if (!spent) return fail(spent.error());
  return {};
}

void SecondFactor::waste_a_code(std::int64_t unix_seconds) const {
  static const crypto::Secret nobodys(std::string_view("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
  (void)crypto::find_totp_step(nobodys, crypto::HashAlgorithm::sha1, unix_seconds, "      ");
}

}  // namespace ferry::auth
