#include "auth/rules.h"

#include <algorithm>
#include <ctime>

#include "auth/duty.h"
#include "auth/refuse.h"
#include "auth/second_factor.h"
#include "base/ip_network.h"

namespace ferry::auth {

namespace {

constexpr std::int64_t clock_slack_ms = 86'400'000;

bool has(const std::vector<std::string>& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

Result<void> check_expiration(const model::User& user, Method method, const Circumstances& at) {
  const bool depends =
      user.expiration_date > 0 || user.filters.password_expiration > 0 || !user.filters.access_time.empty();
  if (depends) {
    if (auto known = check_clock(user.last_login, at.now_ms); !known) return known;
  }
  if (user.expiration_date > 0 && user.expiration_date < at.now_ms) return refuse("the account has expired");
  const bool by_password = method == Method::password || method == Method::keyboard_interactive;
  // Over HTTP the user can still log in to change it.
  if (!by_password || at.protocol == "HTTP" || duty_of(user, at.now_ms) != Duty::change_password) return {};
  return refuse(user.filters.require_password_change ? "the password must be changed first"
                                                     : "the password has expired");
}

Result<void> check_access_time(const model::User& user, const Circumstances& at) {
  if (user.filters.access_time.empty()) return {};
  const std::time_t seconds = at.now_ms / 1000;
  std::tm parts{};
  if ((at.local_time ? localtime_r(&seconds, &parts) : gmtime_r(&seconds, &parts)) == nullptr) {
    return refuse("the time of day is not known");
  }
  char text[6];
  std::strftime(text, sizeof text, "%H:%M", &parts);
  const bool inside = std::ranges::any_of(user.filters.access_time, [&](const model::TimePeriod& period) {
    return period.day_of_week == parts.tm_wday && period.from <= text && text <= period.to;
  });
  if (!inside) return refuse("access is not allowed at this time");
  return {};
}

Result<void> check_address(const model::User& user, const Circumstances& at) {
  if (user.filters.allowed_ip.empty() && user.filters.denied_ip.empty()) return {};
  const auto address = IpAddress::parse(at.client_ip);
  if (!address) return refuse("the client's address is not known");
  if (any_contains(user.filters.denied_ip, *address)) return refuse("the client's address is denied");
  if (!user.filters.allowed_ip.empty() && !any_contains(user.filters.allowed_ip, *address)) {
    return refuse("the client's address is not allowed");
  }
  return {};
}

Result<void> check_protocol(const model::User& user, std::string_view protocol) {
  if (has(user.filters.denied_protocols, protocol)) return refuse("the protocol is denied");
  if (user.filters.is_anonymous && protocol != "FTP" && protocol != "DAV") {
    return refuse("anonymous users cannot use this protocol");
  }
  return {};
}

Result<void> check_second_factor(const model::User& user, Method method, std::string_view protocol) {
  const model::TotpConfig& totp = user.filters.totp_config;
  // Over HTTP the user can still log in to set it up.
  const bool applies = SecondFactor::applies(totp, protocol);
  if (has(user.filters.two_factor_protocols, protocol) && !applies && protocol != "HTTP") {
    return refuse("a second factor is required and not set up");
  }
  // A key is not asked for a code, a dialogue asks for it, other protocols send it with the password.
  if (applies && method == Method::password && protocol == "SSH") {
    return refuse("a password alone lacks the second factor");
  }
  return {};
}

bool is_denied(const model::User& user, Method method, std::string_view protocol) {
  const auto& denied = user.filters.denied_login_methods;
  if (method == Method::password && protocol == "SSH" && has(denied, "password-over-SSH")) return true;
  return has(denied, to_string(method));
}

std::string after_key(std::string_view method) { return "publickey+" + std::string(method); }

// SSH methods that may follow publickey; empty when the account does not log in by steps.
std::vector<std::string> second_steps(const model::User& user) {
  for (const Method single : {Method::publickey, Method::password, Method::keyboard_interactive}) {
    if (!is_denied(user, single, "SSH")) return {};
  }
  std::vector<std::string> methods;
  for (const Method second : {Method::password, Method::keyboard_interactive}) {
    const std::string_view name = to_string(second);
    if (!has(user.filters.denied_login_methods, after_key(name))) methods.emplace_back(name);
  }
  return methods;
}

}  // namespace

Result<void> check_clock(std::int64_t seen_ms, std::int64_t now_ms) {
  if (seen_ms - now_ms <= clock_slack_ms) return {};
  return fail(ErrorCode::internal, "the clock is behind the last login");
}

std::string_view to_string(Method method) {
  switch (method) {
    case Method::none: return "none";
    case Method::password: return "password";
    case Method::publickey: return "publickey";
    case Method::keyboard_interactive: return "keyboard-interactive";
  }
  return "none";
}

Result<void> check_user(const model::User& user, Method method, const Circumstances& at) {
  if (user.status != 1) return refuse("the account is disabled");
  if (auto ok = check_expiration(user, method, at); !ok) return ok;
  if (auto ok = check_access_time(user, at); !ok) return ok;
  if (auto ok = check_address(user, at); !ok) return ok;
  if (auto ok = check_protocol(user, at.protocol); !ok) return ok;
  return check_second_factor(user, method, at.protocol);
}

Result<void> check_admin(const model::Admin& admin, const Circumstances& at) {
  if (admin.status != 1) return refuse("the account is disabled");
  if (!admin.filters.allow_list.empty()) {
    const auto address = IpAddress::parse(at.client_ip);
    if (!address || !any_contains(admin.filters.allow_list, *address)) {
      return refuse("the client's address is not allowed");
    }
  }
  return {};
}

Result<MethodOutcome> check_method(const model::User& user, Method method, std::string_view protocol,
                                   const std::vector<Method>& completed) {
  const std::string name(to_string(method));
  if (!is_denied(user, method, protocol)) return MethodOutcome{false, {}, name};
  if (protocol != "SSH") return refuse("the login method is denied");
  std::vector<std::string> second = second_steps(user);
  if (completed.empty() && method == Method::publickey && !second.empty())
    return MethodOutcome{true, std::move(second), name};
  const bool key_done = completed.size() == 1 && completed.front() == Method::publickey;
  if (key_done && has(second, name)) return MethodOutcome{false, {}, after_key(name)};
  return refuse("the login method is denied");
}

}  // namespace ferry::auth
