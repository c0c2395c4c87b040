#include "auth/login_decision.h"

#include <algorithm>
#include <thread>

#include "auth/refuse.h"
#include "base/log.h"
#include "model/public_key.h"

namespace ferry::auth {

namespace {

constexpr std::size_t max_password = 4096;
constexpr std::int64_t last_login_interval_ms = 10 * 60 * 1000;
// Bytes of an account's keys that are looked through on an event loop.
constexpr std::size_t most_keys_at_once = 16 * 1024;

// What the options of a key object to; "" nothing. A client that only asks has signed nothing yet.
std::string_view objection(const model::KeyOptions& options, const LoginRequest& request, const Circumstances& at) {
  if (!options.allow_address(request.client_ip)) return "the key's option \"from\" does not let this address in";
  if (options.expires_at && at.now_ms / 1000 >= *options.expires_at) return "the key has expired (\"expiry-time\")";
  if (request.probe) return {};
  if (!request.user_present && !options.no_touch_required) return "nobody touched the security key";
  if (options.verify_required && !request.user_verified) return "the security key did not verify its owner";
  return {};
}

// What the options of the account's lines with this key object to: "" when one of them does not. Nothing when the
// account has no such key.
std::optional<std::string_view> objection(const model::User& user, const LoginRequest& request,
                                          const Circumstances& at) {
  std::optional<std::string_view> why;
  for (const std::string& line : user.public_keys) {
    const auto own = model::parse_authorized_key(line);
    if (!own || request.public_key.empty() || own->blob != request.public_key) continue;
    why = objection(own->options, request, at);
    if (why->empty()) break;
  }
  return why;
}

// `vouched`: a hook has said yes to the key. It counts for keys that the account does not have, touched ones alone.
Result<void> check_key(const model::User& user, const LoginRequest& request, const Circumstances& at, bool vouched) {
  const auto why = objection(user, request, at);
  if (why && !why->empty()) return refuse(std::string(*why));
  if (why || (vouched && request.user_present)) return {};
  return refuse("the public key is not one of the account's");
}

bool has_many_keys(const model::User& user) {
  std::size_t size = 0;
  for (const std::string& line : user.public_keys) size += line.size();
  return size > most_keys_at_once;
}

// FTP: the code is the end of the password.
LoginRequest with_code_apart(const LoginRequest& request) {
  constexpr std::size_t code_length = 6;
  const std::string_view text = request.password.text();
  const std::size_t cut = text.size() - std::min(text.size(), code_length);
  LoginRequest parted = request;
  parted.code.emplace(text.substr(cut));
  parted.password = crypto::Secret(text.substr(0, cut));
  return parted;
}

// Unix seconds by which one-time codes are judged. An authenticator goes by the right time, whatever ours has shown; a
// code that was used is not good again (store/used_codes.h), whatever it shows.
std::int64_t code_time() { return store::now_ms() / 1000; }

bool login_is_to_be_noted(const model::User& user, const LoginRequest& request, const Circumstances& at) {
  return !request.probe && at.now_ms - user.last_login > last_login_interval_ms;
}

}  // namespace

LoginDecision::LoginDecision(store::Provider& provider, const LoginOptions& options)
    : provider_(provider),
      options_(options),
      second_factor_(provider, options.totp, options.master_key),
      refusal_time_(std::thread::hardware_concurrency()),
      dummy_hash_(crypto::hash_password("no account has this password", options.hashing)) {
  refusal_time_.get_to_know(dummy_hash_);
}

Circumstances LoginDecision::circumstances(const LoginRequest& request) const {
  return {options_.clock(), request.client_ip, request.protocol, options_.local_time};
}

Result<model::UserPtr> LoginDecision::user_of(const LoginRequest& request) {
  return provider_.effective_user(options_.naming.convert(request.username));
}

Result<model::UserPtr> LoginDecision::user_of(const LoginRequest& request, model::UserPtr& known) {
  auto user = user_of(request);
  if (user) known = *user;
  return user;
}

Result<MethodOutcome> LoginDecision::check_account(const Result<model::UserPtr>& user, const LoginRequest& request,
                                                   const Circumstances& at, bool at_once) const {
  if (!user) return fail(user.error());
  if (auto allowed = check_user(**user, request.method, at); !allowed) return fail(allowed.error());
  if (options_.obstacle) {
    if (std::string why = options_.obstacle(**user); !why.empty()) return refuse(std::move(why));
  }
  if (options_.check_places) {
    if (auto usable = options_.check_places(**user, at_once); !usable) return fail(usable.error());
  }
  return check_method(**user, request.method, request.protocol, request.completed);
}

Result<model::UserPtr> LoginDecision::allowed_user(const LoginRequest& request, model::UserPtr& known) {
  auto user = user_of(request, known);
  const Result<MethodOutcome> step = check_account(user, request, circumstances(request), false);
  if (step) return user;
  waste_a_hash(request.password.text());
  return fail(step.error());
}

Result<LoginOutcome> LoginDecision::decide(const LoginRequest& request, const HookVerdict& verdict,
                                           model::UserPtr& known) {
  return decide_about(user_of(request, known), request, verdict, circumstances(request), false);
}

std::optional<LoginOutcome> LoginDecision::decide_at_once(const LoginRequest& request, const HookVerdict& verdict) {
  if (request.method != Method::publickey) return std::nullopt;
  model::UserPtr user = provider_.remembered_user(options_.naming.convert(request.username));
  const Circumstances at = circumstances(request);
  if (!user || has_many_keys(*user) || login_is_to_be_noted(*user, request, at)) return std::nullopt;
  auto outcome = decide_about(std::move(user), request, verdict, at, true);
  if (!outcome) return std::nullopt;
  return std::move(*outcome);
}

Result<LoginOutcome> LoginDecision::decide_about(Result<model::UserPtr> user, const LoginRequest& request,
                                                 const HookVerdict& verdict, const Circumstances& at, bool at_once) {
  Result<MethodOutcome> step = check_account(user, request, at, at_once);
  if (!step) {
    // The time must not tell that the password was never looked at.
    const bool by_password = request.method != Method::publickey && !request.vouched;
    if (by_password) waste_a_hash(request.password.text());
    return fail(step.error());
  }
  const bool by_dialogue = request.method == Method::keyboard_interactive && !request.vouched;
  const bool coded = (by_dialogue || request.method == Method::password) &&
                     SecondFactor::applies((*user)->filters.totp_config, request.protocol);
  if (coded && request.protocol == "FTP" && !request.code) {
    return decide_about(std::move(user), with_code_apart(request), verdict, at, false);
  }
  if (auto credential = check_credential(*user, request, verdict, at); !credential) return fail(credential.error());
  if (coded && by_dialogue && !request.code) {
    LoginOutcome outcome;
    outcome.code_due = true;
    return outcome;
  }
  if (coded) {
    if (auto right = check_code(**user, request.code, request.protocol); !right) return fail(right.error());
  }
  if (!step->partial && login_is_to_be_noted(**user, request, at)) {
    const auto noted = provider_.set_user_last_login((*user)->username, at.now_ms);
    if (!noted) return fail(noted.error().code, "the login could not be noted: " + noted.error().message);
  }
  return LoginOutcome{.user = std::move(*user),
                      .partial = step->partial,
                      .remaining = std::move(step->remaining),
                      .method = std::move(step->name)};
}

Result<void> LoginDecision::decide_part(const LoginRequest& request, bool code, const HookVerdict& verdict,
                                        model::UserPtr& known) {
  const Circumstances at = circumstances(request);
  auto user = user_of(request, known);
  const Result<MethodOutcome> step = check_account(user, request, at, false);
  const bool has_codes = step && SecondFactor::applies((*user)->filters.totp_config, request.protocol);
  if (code && !has_codes) {
    second_factor_.waste_a_code(code_time());
    if (!step) return fail(step.error());
    return refuse("the account has no one-time codes");
  }
  if (!step) {
    waste_a_hash(request.password.text());
    return fail(step.error());
  }
  if (!code) return check_password(*user, request, verdict);
  return check_code(**user, request.code, request.protocol);
}

Result<model::AdminPtr> LoginDecision::decide_admin(const AdminLoginRequest& request) {
  const Circumstances at{options_.clock(), request.client_ip, "HTTP", options_.local_time};
  const std::string_view password = request.password.text();
  auto admin = provider_.admin(options_.naming.convert(request.username));
  const auto allowed = admin ? check_admin(**admin, at) : Result<void>(fail(admin.error()));
  if (!allowed) {
    waste_a_hash(password);
    return fail(allowed.error());
  }
  const std::string stored = (*admin)->password;
  if (!password_matches("admin:" + (*admin)->username, stored, password)) return refuse("the password is wrong");
  if ((*admin)->filters.totp_config.enabled) {
    const auto right = second_factor_.use_code(**admin, request.code.text(), code_time());
    if (!right) return fail(right.error());
  }
  const std::string renewed = renewed_hash(stored, password);
  if (!renewed.empty()) {
    admin = provider_.change_admin((*admin)->username, [&](model::Admin& current) -> Result<void> {
      if (current.password != stored) return fail(ErrorCode::conflict, "the password has just been changed");
      current.password = renewed;
      return {};
    });
    if (!admin) return fail(admin.error().code, "the password's hash could not be renewed: " + admin.error().message);
  }
  if (at.now_ms - (*admin)->last_login > last_login_interval_ms) {
    const auto noted = provider_.set_admin_last_login((*admin)->username, at.now_ms);
    if (!noted) return fail(noted.error().code, "the login could not be noted: " + noted.error().message);
  }
  return admin;
}

Result<void> LoginDecision::check_credential(model::UserPtr& user, const LoginRequest& request,
                                             const HookVerdict& verdict, const Circumstances& at) {
  if (request.method == Method::publickey && request.certified_names.empty()) {
    return check_key(*user, request, at, verdict.credential_right);
  }
  if (verdict.credential_right) return {};
  if (request.method == Method::publickey) {
    // The account's own name: what the naming rules take for the same may be somebody else to an authority.
    if (std::ranges::find(request.certified_names, user->username) != request.certified_names.end()) return {};
    return refuse("the certificate is for somebody else");
  }
  if (request.method == Method::none) return refuse("no credential");
  if (request.method == Method::keyboard_interactive && request.vouched) return {};
  return check_password(user, request, verdict);
}

Result<void> LoginDecision::check_password(model::UserPtr& user, const LoginRequest& request,
                                           const HookVerdict& verdict) {
  if (user->filters.is_anonymous || verdict.credential_right) return {};
  const std::string_view password = (verdict.to_verify ? *verdict.to_verify : request.password).text();
  const std::string account = "user:" + user->username;
  const std::string stored = user->password;
  if (!password_matches(account, stored, password)) return refuse("the password is wrong");
  const std::string renewed = renewed_hash(stored, password);
  if (renewed.empty()) return {};
  const auto changed = provider_.change_user(user->username, [&](model::User& current) -> Result<void> {
    if (current.password != stored) return fail(ErrorCode::conflict, "the password has just been changed");
    current.password = renewed;
    return {};
  });
  if (!changed)
    return fail(changed.error().code, "the password's hash could not be renewed: " + changed.error().message);
  auto again = provider_.effective_user(user->username);
  if (!again) return fail(again.error());
  user = std::move(*again);
  return {};
}

Result<void> LoginDecision::check_code(const model::User& user, const std::optional<crypto::Secret>& code,
                                       std::string_view protocol) {
  if (!code) return refuse("the one-time code is missing");
  return second_factor_.use_code(user, protocol, code->text(), code_time());
}

bool LoginDecision::password_matches(const std::string& account, const std::string& stored, std::string_view password) {
  if (stored.empty() || password.empty() || password.size() > max_password) {
    waste_a_hash(password);
    return false;
  }
  if (options_.password_caching && cache_.contains(account, stored, password)) return true;
  refusal_time_.get_to_know(stored);
  const auto verified = verify(stored, password);
  if (!verified) {
    log::warn("auth", "", "the stored password of {} cannot be verified: {}", account, verified.error().message);
    waste_a_hash(password);
    return false;
  }
  if (*verified && options_.password_caching) cache_.add(account, stored, password);
  return *verified;
}

Result<bool> LoginDecision::verify(const std::string& stored, std::string_view password) {
  const auto begun = RefusalTime::Clock::now();
  auto verified = crypto::verify_password(stored, password);
  refusal_time_.took(stored, RefusalTime::Clock::now() - begun);
  return verified;
}

void LoginDecision::waste_a_hash(std::string_view password) {
  (void)verify(dummy_hash_, password.substr(0, max_password));
}

std::string LoginDecision::renewed_hash(const std::string& stored, std::string_view password) const {
  if (!crypto::needs_rehash(stored, options_.hashing, password)) return {};
  return crypto::hash_password(password, options_.hashing);
}

}  // namespace ferry::auth
