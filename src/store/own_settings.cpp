// What an account changes by itself: password and profile.
#include <cmath>
#include <concepts>

#include "crypto/password_strength.h"
#include "store/account_access.h"

namespace ferry::store {

namespace {

constexpr std::size_t longest_judged = 4096;  // bytes; longer ones are refused anyway

template <class Account>
constexpr bool is_user = std::same_as<std::remove_cvref_t<Account>, model::User>;

Result<void> check_change(std::string_view stored, std::string_view current, std::string_view replacement) {
  if (current.empty() || replacement.empty()) {
    return fail(ErrorCode::invalid_argument, "please provide the current password and the new one");
  }
  if (current == replacement) {
    return fail(ErrorCode::invalid_argument, "the new password must be different from the current one");
  }
  const auto matches = crypto::verify_password(stored, current);
  if (!matches || !*matches) return fail(ErrorCode::authentication_failed, "current password does not match");
  // Nobody means to set a hash here; taken as one it would be a password that its reader knows.
  if (crypto::is_password_hash(replacement)) {
    return fail(ErrorCode::invalid_argument, "the new password looks like a password hash");
  }
  return {};
}

Result<void> check_entropy(std::string_view field, std::string_view password, double least) {
  if (least <= 0 || password.empty()) return {};
  const double entropy = crypto::password_entropy(password.substr(0, longest_judged));
  if (entropy >= least) return {};
  return fail(ErrorCode::invalid_argument, std::string(field) + ": too easy to guess (" +
                                               std::to_string(std::lround(entropy)) + " bits, at least " +
                                               std::to_string(std::lround(least)) + " expected)");
}

}  // namespace

Result<void> Accounts::check_strength(const model::User& user, std::string_view password) const {
  double least = static_cast<double>(user.filters.password_strength);
  for (const model::GroupMapping& mapping : user.groups) {
    if (least > 0 || mapping.type != 1) continue;
    const auto group = provider_.group(stored_name(mapping.name));
    if (!group && group.error().code != ErrorCode::not_found) return fail(group.error());
    // One that does not exist is refused when the user is stored.
    if (group) least = static_cast<double>(group->user_settings.filters.password_strength);
  }
  if (crypto::is_password_hash(password)) return {};
  return check_entropy("password", password, least > 0 ? least : options_.min_user_entropy);
}

Result<void> Accounts::check_strength(const model::Admin&, std::string_view password) const {
  if (crypto::is_password_hash(password)) return {};
  return check_entropy("password", password, options_.min_admin_entropy);
}

Result<void> Accounts::check_strength(const model::FilesystemConfig& config) const {
  const model::ConfigSecret& passphrase = config.cryptconfig.passphrase;
  if (config.provider != model::FilesystemProvider::encrypted || !passphrase.is_plain()) return {};
  return check_entropy("filesystem.cryptconfig.passphrase", passphrase.payload, options_.min_secret_entropy);
}

Result<void> Accounts::change_password(Whose whose, std::string_view name, std::string_view current,
                                       std::string_view replacement) {
  std::string verified;
  const auto allowed = with_account(whose, name, [&](const auto& account) -> Result<void> {
    verified = account.password;
    if (auto right = check_change(verified, current, replacement); !right) return right;
    return check_strength(account, replacement);
  });
  if (!allowed) return allowed;
  std::string hash(replacement);
  if (auto hashed = hash_in_place(hash); !hashed) return hashed;
  return change_account(whose, name, [&](auto& account) -> Result<void> {
    if (account.password != verified) return fail(ErrorCode::conflict, "the password has just been changed");
    account.password = hash;
    account.filters.require_password_change = false;
    if constexpr (is_user<decltype(account)>) account.last_password_change = now_ms();
    return {};
  });
}

Result<void> Accounts::reset_admin_password(std::string_view name, std::string_view replacement) {
  if (replacement.empty()) return fail(ErrorCode::invalid_argument, "password: please set a password");
  const auto admin = provider_.admin(stored_name(name));
  if (!admin) return fail(admin.error());
  if (auto strong = check_strength(**admin, replacement); !strong) return strong;
  if (crypto::is_password_hash(replacement)) {
    return fail(ErrorCode::invalid_argument, "the new password looks like a password hash");
  }
  std::string hash(replacement);
  if (auto hashed = hash_in_place(hash); !hashed) return hashed;
  return change_account(Whose::admin, name, [&](auto& account) -> Result<void> {
    account.password = hash;
    account.filters.totp_config = {};
    account.filters.recovery_codes.clear();
    return {};
  });
}

Result<void> Accounts::update_profile(Whose whose, std::string_view name, Profile profile) {
  return change_account(whose, name, [&](auto& account) -> Result<void> {
    if (profile.email) account.email = *profile.email;
    if (profile.description) account.description = *profile.description;
    if (profile.allow_api_key_auth) account.filters.allow_api_key_auth = *profile.allow_api_key_auth;
    if constexpr (is_user<decltype(account)>) {
      if (profile.public_keys) account.public_keys = *profile.public_keys;
    }
    return {};
  });
}

}  // namespace ferry::store
