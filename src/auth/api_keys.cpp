#include "auth/api_keys.h"

#include <exception>

#include "auth/refuse.h"
#include "auth/rules.h"
#include "crypto/password.h"

namespace ferry::auth {

namespace {

constexpr std::size_t longest_secret = 256;
constexpr std::int64_t last_use_interval_ms = 10 * 60 * 1000;

struct Parts {
  std::string_view id, secret, username;
};

Result<Parts> parse(std::string_view text) {
  const std::size_t first = text.find('.');
  if (first == std::string_view::npos || first == 0) return refuse("not an API key");
  const std::string_view rest = text.substr(first + 1);
  const std::size_t second = rest.find('.');  // a username may hold dots
  const Parts parts{text.substr(0, first), rest.substr(0, second),
                    second == std::string_view::npos ? std::string_view() : rest.substr(second + 1)};
  const bool fits = parts.id.size() <= model::max_name_length && !parts.secret.empty() &&
                    parts.secret.size() <= longest_secret && parts.username.size() <= model::max_name_length;
  if (!fits) return refuse("not an API key");
  return parts;
}

}  // namespace

Result<void> ApiKeyChecker::check_secret(const model::ApiKey& key, std::string_view secret) {
  const std::string account = "api_key:" + key.id;
  if (cache_.contains(account, key.key, secret)) return {};
  const auto verified = crypto::verify_password(key.key, secret);
  if (!verified) return refuse("the stored hash cannot be verified: " + verified.error().message);
  if (!*verified) return refuse("the API key is wrong");
  cache_.add(account, key.key, secret);
  return {};
}

Result<KeyCaller> ApiKeyChecker::find_account(const model::ApiKey& key, const std::string& owner,
                                              std::string_view client_ip) {
  const Circumstances at{clock_(), client_ip, "HTTP", local_time_};
  KeyCaller caller;
  caller.id = key.id;
  if (key.scope == model::api_key_scope_user) {
    auto user = provider_.effective_user(owner);
    if (!user) return fail(user.error());
    if (!(*user)->filters.allow_api_key_auth) return refuse("the user does not allow API keys");
    if (auto allowed = check_user(**user, Method::none, at); !allowed) return fail(allowed.error());
    caller.user = std::move(*user);
    return caller;
  }
  if (key.scope != model::api_key_scope_admin) return refuse("the API key's scope is unknown");
  auto admin = provider_.admin(owner);
  if (!admin) return fail(admin.error());
  if (!(*admin)->filters.allow_api_key_auth) return refuse("the administrator does not allow API keys");
  if (auto allowed = check_admin(**admin, at); !allowed) return fail(allowed.error());
  caller.admin = std::move(*admin);
  return caller;
}

Result<KeyCaller> ApiKeyChecker::attempt(std::string_view text, std::string_view client_ip) {
  const auto parts = parse(text);
  if (!parts) return fail(parts.error());
  const auto key = provider_.api_key(parts->id);
  if (!key) return fail(key.error());
  if (auto right = check_secret(*key, parts->secret); !right) return fail(right.error());
  const std::int64_t now = clock_();
  if (key->expires_at > 0) {
    if (auto known = check_clock(key->last_use_at, now); !known) return fail(known.error());
  }
  if (key->expires_at > 0 && key->expires_at < now) return refuse("the API key has expired");
  const std::string named = naming_.convert(parts->username);
  const std::string& bound = key->scope == model::api_key_scope_user ? key->user : key->admin;
  const std::string owner = bound.empty() ? named : bound;
  if (owner.empty()) return refuse("the API key is bound to nobody and names nobody");
  if (!named.empty() && named != owner) return refuse("the API key is bound to somebody else");
  auto caller = find_account(*key, owner, client_ip);
  if (caller && now - key->last_use_at > last_use_interval_ms) {
    const auto noted = provider_.set_api_key_last_use(key->id, now);
    if (!noted) return fail(noted.error().code, "its use could not be noted: " + noted.error().message);
  }
  return caller;
}

Result<KeyCaller> ApiKeyChecker::verify_now(std::string_view text, std::string_view client_ip) {
  try {
    return attempt(text, client_ip);
  } catch (const std::exception& error) {
    return fail(ErrorCode::internal, std::string("the API key could not be checked: ") + error.what());
  }
}

}  // namespace ferry::auth
