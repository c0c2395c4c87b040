// Second factors of users and admins as they are stored: always encrypted, bound to their owner.
#include <concepts>

#include "crypto/token.h"
#include "store/account_access.h"

namespace ferry::store {

namespace {

constexpr std::size_t code_count = 12;
constexpr std::size_t half_length = 8;  // letters and digits: 95 random bits a code

}  // namespace

std::vector<model::RecoveryCode> Accounts::make_recovery_codes(const std::string& owner) const {
  std::vector<model::RecoveryCode> codes(code_count);
  for (model::RecoveryCode& code : codes) {
    code.secret.status = "Plain";
    code.secret.payload = crypto::random_id(half_length) + "-" + crypto::random_id(half_length);
    model::seal(code.secret, owner, options_.master_key);
  }
  return codes;
}

Result<void> Accounts::save_totp(Whose whose, std::string_view name, model::TotpConfig totp) {
  if (!totp.enabled) return disable_second_factor(whose, name);
  const std::string owner = stored_name(name);
  auto codes = make_recovery_codes(owner);
  return change_account(whose, name, [&](auto& account) -> Result<void> {
    auto& filters = account.filters;
    if (totp.secret.is_plain()) {
      model::seal(totp.secret, owner, options_.master_key);
      filters.recovery_codes = std::move(codes);
    } else {
      totp.secret = filters.totp_config.secret;
    }
    filters.totp_config = std::move(totp);
    return {};
  });
}

Result<void> Accounts::disable_second_factor(Whose whose, std::string_view name) {
  return change_account(whose, name, [](auto& account) -> Result<void> {
    account.filters.totp_config = {};
    account.filters.recovery_codes.clear();
    return {};
  });
}

Result<void> Accounts::disable_admin_second_factor(std::string_view name,
                                                   const std::function<Result<void>(const model::Admin&)>& may) {
  return change_account(Whose::admin, name, [&may](auto& account) -> Result<void> {
    if constexpr (std::same_as<std::remove_cvref_t<decltype(account)>, model::Admin>) {
      if (auto allowed = may(account); !allowed) return allowed;
    }
    account.filters.totp_config = {};
    account.filters.recovery_codes.clear();
    return {};
  });
}

Result<std::vector<std::string>> Accounts::new_recovery_codes(Whose whose, std::string_view name) {
  auto codes = make_recovery_codes(stored_name(name));
  std::vector<std::string> shown;
  for (const model::RecoveryCode& code : codes) {
    const auto text = model::open(code.secret, options_.master_key);
    if (!text) return fail(text.error());
    shown.emplace_back(text->text());
  }
  const auto changed = change_account(whose, name, [&](auto& account) -> Result<void> {
    if (!account.filters.totp_config.enabled) {
      return fail(ErrorCode::permission_denied, "two-factor authentication is not enabled");
    }
    account.filters.recovery_codes = std::move(codes);
    return {};
  });
  if (!changed) return fail(changed.error());
  return shown;
}

Result<std::vector<Accounts::ShownRecoveryCode>> Accounts::recovery_codes(Whose whose, std::string_view name) const {
  std::vector<ShownRecoveryCode> shown;
  const auto read = with_account(whose, name, [&](const auto& account) -> Result<void> {
    if (!account.filters.totp_config.enabled) {
      return fail(ErrorCode::permission_denied, "two-factor authentication is not enabled");
    }
    for (const model::RecoveryCode& code : account.filters.recovery_codes) {
      const auto text = model::open(code.secret, options_.master_key);
      if (!text) return fail(ErrorCode::internal, "a recovery code cannot be opened: " + text.error().message);
      shown.push_back({std::string(text->text()), code.used});
    }
    return {};
  });
  if (!read) return fail(read.error());
  return shown;
}

}  // namespace ferry::store
