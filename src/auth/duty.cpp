#include "auth/duty.h"

#include <algorithm>

#include "auth/second_factor.h"

namespace ferry::auth {

namespace {

constexpr std::int64_t day_ms = 86'400'000;

bool must_change_password(const model::User& user, std::int64_t now_ms) {
  if (!user.has_password()) return false;
  if (user.filters.require_password_change) return true;
  if (user.filters.password_expiration == 0) return false;
  const std::int64_t set = user.last_password_change != 0 ? user.last_password_change : user.created_at;
  return (now_ms - set) / day_ms >= user.filters.password_expiration;
}

}  // namespace

Duty duty_of(const model::User& user, std::int64_t now_ms) {
  if (must_change_password(user, now_ms)) return Duty::change_password;
  const bool lacking = std::ranges::any_of(user.filters.two_factor_protocols, [&](const std::string& protocol) {
    return !SecondFactor::applies(user.filters.totp_config, protocol);
  });
  return lacking ? Duty::set_up_second_factor : Duty::none;
}

Duty duty_of(const model::Admin& admin) {
  if (admin.filters.require_password_change) return Duty::change_password;
  if (admin.filters.require_two_factor && !admin.filters.totp_config.enabled) return Duty::set_up_second_factor;
  return Duty::none;
}

}  // namespace ferry::auth
