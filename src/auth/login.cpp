#include "auth/login.h"

#include <algorithm>
#include <exception>

#include "auth/password_cache.h"
#include "auth/rules.h"
#include "base/log.h"
#include "model/public_key.h"

namespace ferry::auth {

namespace {

constexpr std::size_t max_password = 4096;
constexpr std::int64_t last_login_interval_ms = 10 * 60 * 1000;

std::unexpected<Error> refuse(std::string why) { return fail(ErrorCode::authentication_failed, std::move(why)); }

// What every refused client is told.
std::unexpected<Error> refused() { return fail(ErrorCode::authentication_failed, "invalid credentials"); }

bool has_key(const model::User& user, const Bytes& blob) {
  if (blob.empty()) return false;
  return std::ranges::any_of(user.public_keys, [&](const std::string& line) {
    const auto own = model::public_key_blob(line);
    return own && *own == blob;
  });
}

// Runs a login; whatever goes wrong inside is a refusal.
template <class Outcome, class Attempt>
Result<Outcome> guarded(Attempt attempt) {
  try {
    return attempt();
  } catch (const std::exception& error) {
    return refuse(std::string("the login could not be decided: ") + error.what());
  }
}

void log_failure(const LoginRequest& request, const Error& error) {
  const std::string prefix = request.completed.empty() ? "" : "publickey+";
  log_connection_failed(request.protocol, request.client_ip, request.username,
                        prefix + std::string(to_string(request.method)), error.message);
}

Result<void> checked(const LoginRequest& request, Result<void> outcome) {
  if (outcome) return outcome;
  log_failure(request, outcome.error());
  return refused();
}

}  // namespace

struct Authenticator::State {
  State(store::Provider& store, LoginOptions login_options)
      : provider(store),
        options(std::move(login_options)),
        second_factor(options.totp, options.master_key),
        dummy_hash(crypto::hash_password("no account has this password", options.hashing)) {}

  Result<LoginOutcome> attempt(const LoginRequest& request);
  Result<void> attempt_part(const LoginRequest& request, bool code);
  // Whether the account may log in this way at all, whatever the credential is.
  Result<Step> check_account(const Result<model::UserPtr>& user, const LoginRequest& request, const Circumstances& at);
  Result<void> check_credential(model::UserPtr& user, const LoginRequest& request);
  Result<void> check_password(model::UserPtr& user, const LoginRequest& request);
  Result<void> check_code(const model::User& user, const crypto::Secret& code, const Circumstances& at);
  Circumstances circumstances(const LoginRequest& request) const {
    return {store::now_ms(), request.client_ip, request.protocol, options.local_time};
  }
  // Whether the password is the stored hash's. Takes the time of a hash for an account without one, too.
  bool password_matches(const std::string& account, const std::string& stored, std::string_view password);
  void waste_a_hash(std::string_view password) const { (void)crypto::verify_password(dummy_hash, password); }
  Result<model::AdminPtr> attempt_admin(const AdminLoginRequest& request);
  // The hash that should replace a stored one that has just verified; empty: none.
  std::string renewed_hash(const std::string& stored, std::string_view password) const;

  store::Provider& provider;
  const LoginOptions options;
  SecondFactor second_factor;
  const std::string dummy_hash;
  PasswordCache cache;
};

bool Authenticator::State::password_matches(const std::string& account, const std::string& stored,
                                            std::string_view password) {
  if (stored.empty() || password.empty() || password.size() > max_password) {
    waste_a_hash(password.substr(0, max_password));
    return false;
  }
  if (options.password_caching && cache.contains(account, stored, password)) return true;
  const auto verified = crypto::verify_password(stored, password);
  if (!verified) {
    log::warn("auth", "", "the stored password of {} cannot be verified: {}", account, verified.error().message);
    waste_a_hash(password);
    return false;
  }
  if (*verified && options.password_caching) cache.add(account, stored, password);
  return *verified;
}

std::string Authenticator::State::renewed_hash(const std::string& stored, std::string_view password) const {
  if (!crypto::needs_rehash(stored, options.hashing, password)) return {};
  return crypto::hash_password(password, options.hashing);
}

Result<void> Authenticator::State::check_credential(model::UserPtr& user, const LoginRequest& request) {
  if (request.method == Method::publickey) {
    if (!request.certified_names.empty()) {
      // The account's own name: what the naming rules take for the same may be somebody else to an authority.
      if (std::ranges::find(request.certified_names, user->username) != request.certified_names.end()) return {};
      return refuse("the certificate is for somebody else");
    }
    if (has_key(*user, request.public_key)) return {};
    return refuse("the public key is not one of the account's");
  }
  if (request.method == Method::none) return refuse("no credential");
  if (request.method == Method::keyboard_interactive && request.vouched) return {};
  return check_password(user, request);
}

Result<void> Authenticator::State::check_code(const model::User& user, const crypto::Secret& code,
                                              const Circumstances& at) {
  return second_factor.use_code(user.username, user.filters.totp_config, code.text(), at.now_ms / 1000);
}

Result<void> Authenticator::State::check_password(model::UserPtr& user, const LoginRequest& request) {
  if (user->filters.is_anonymous) return {};
  const std::string account = "user:" + user->username;
  const std::string stored = user->password;
  if (!password_matches(account, stored, request.password.text())) return refuse("the password is wrong");
  const std::string renewed = renewed_hash(stored, request.password.text());
  if (renewed.empty()) return {};
  const auto changed = provider.change_user(user->username, [&](model::User& current) -> Result<void> {
    if (current.password != stored) return fail(ErrorCode::conflict, "the password has just been changed");
    current.password = renewed;
    return {};
  });
  if (!changed) return refuse("the password's hash could not be renewed: " + changed.error().message);
  auto again = provider.effective_user(user->username);
  if (!again) return refuse(again.error().message);
  user = std::move(*again);
  return {};
}

Result<Step> Authenticator::State::check_account(const Result<model::UserPtr>& user, const LoginRequest& request,
                                                 const Circumstances& at) {
  if (!user) return fail(user.error());
  if (auto allowed = check_user(**user, request.method, at); !allowed) return fail(allowed.error());
  return check_method(**user, request.method, request.protocol, request.completed);
}

Result<LoginOutcome> Authenticator::State::attempt(const LoginRequest& request) {
  const Circumstances at = circumstances(request);
  auto user = provider.effective_user(options.naming.convert(request.username));
  Result<Step> step = check_account(user, request, at);
  if (!step) {
    // The time must not tell that the password was never looked at.
    const bool by_password = request.method != Method::publickey && !request.vouched;
    if (by_password) waste_a_hash(request.password.text().substr(0, max_password));
    return fail(step.error());
  }
  if (auto credential = check_credential(*user, request); !credential) return fail(credential.error());
  const bool by_dialogue = request.method == Method::keyboard_interactive && !request.vouched;
  if (by_dialogue && SecondFactor::applies((*user)->filters.totp_config, request.protocol)) {
    if (!request.code) {
      LoginOutcome outcome;
      outcome.code_due = true;
      return outcome;
    }
    if (auto right = check_code(**user, *request.code, at); !right) return fail(right.error());
  }
  if (!step->partial && !request.probe && at.now_ms - (*user)->last_login > last_login_interval_ms) {
    const auto noted = provider.set_user_last_login((*user)->username, at.now_ms);
    if (!noted) log::warn("auth", request.connection_id, "last login not noted: {}", noted.error().message);
  }
  return LoginOutcome{.user = std::move(*user),
                      .partial = step->partial,
                      .remaining = std::move(step->remaining),
                      .method = std::move(step->name)};
}

// One credential of a dialogue; the account's other rules hold for it, too.
Result<void> Authenticator::State::attempt_part(const LoginRequest& request, bool code) {
  const Circumstances at = circumstances(request);
  auto user = provider.effective_user(options.naming.convert(request.username));
  const Result<Step> step = check_account(user, request, at);
  const bool has_codes = step && SecondFactor::applies((*user)->filters.totp_config, request.protocol);
  if (code && !has_codes) {
    second_factor.waste_a_code(at.now_ms / 1000);
    return step ? refuse("the account has no one-time codes") : refuse(step.error().message);
  }
  if (!step) {
    waste_a_hash(request.password.text().substr(0, max_password));
    return fail(step.error());
  }
  if (!code) return check_password(*user, request);
  return check_code(**user, request.code.value_or(crypto::Secret()), at);
}

Result<model::AdminPtr> Authenticator::State::attempt_admin(const AdminLoginRequest& request) {
  const Circumstances at{store::now_ms(), request.client_ip, "HTTP", options.local_time};
  const std::string_view password = request.password.text();
  auto admin = provider.admin(options.naming.convert(request.username));
  const auto allowed = admin ? check_admin(**admin, at) : Result<void>(fail(admin.error()));
  if (!allowed) {
    waste_a_hash(password.substr(0, max_password));
    return fail(allowed.error());
  }
  const std::string stored = (*admin)->password;
  if (!password_matches("admin:" + (*admin)->username, stored, password)) return refuse("the password is wrong");
  const std::string renewed = renewed_hash(stored, password);
  if (!renewed.empty()) {
    admin = provider.change_admin((*admin)->username, [&](model::Admin& current) -> Result<void> {
      if (current.password != stored) return fail(ErrorCode::conflict, "the password has just been changed");
      current.password = renewed;
      return {};
    });
    if (!admin) return refuse("the password's hash could not be renewed: " + admin.error().message);
  }
  if (at.now_ms - (*admin)->last_login > last_login_interval_ms) {
    const auto noted = provider.set_admin_last_login((*admin)->username, at.now_ms);
    if (!noted) log::warn("auth", "", "last login not noted: {}", noted.error().message);
  }
  return admin;
}

Authenticator::Authenticator(store::Provider& provider, LoginOptions options)
    : state_(std::make_unique<State>(provider, std::move(options))) {}
Authenticator::~Authenticator() = default;

Result<LoginOutcome> Authenticator::login_now(const LoginRequest& request) {
  // Clients begin with "none" to learn the methods: no account is looked up, nothing is logged.
  if (request.method == Method::none) return refused();
  auto outcome = guarded<LoginOutcome>([&] { return state_->attempt(request); });
  if (outcome) return outcome;
  // Clients offer all their keys; the protocol logs once when none was right.
  if (!request.probe) log_failure(request, outcome.error());
  return refused();
}

Result<void> Authenticator::check_password_now(const LoginRequest& request) {
  return checked(request, guarded<void>([&] { return state_->attempt_part(request, false); }));
}

Result<void> Authenticator::check_code_now(const LoginRequest& request) {
  return checked(request, guarded<void>([&] { return state_->attempt_part(request, true); }));
}

Result<model::AdminPtr> Authenticator::login_admin_now(const AdminLoginRequest& request) {
  auto admin = guarded<model::AdminPtr>([&] { return state_->attempt_admin(request); });
  if (admin) return admin;
  log_connection_failed("HTTP", request.client_ip, request.username, "password", admin.error().message);
  return refused();
}

Task<Result<LoginOutcome>> Authenticator::login(LoginRequest request) {
  auto outcome = co_await run_blocking([this, &request] { return login_now(request); });
  co_return outcome;
}

Task<Result<void>> Authenticator::check_password(LoginRequest request) {
  auto outcome = co_await run_blocking([this, &request] { return check_password_now(request); });
  co_return outcome;
}

Task<Result<void>> Authenticator::check_code(LoginRequest request) {
  auto outcome = co_await run_blocking([this, &request] { return check_code_now(request); });
  co_return outcome;
}

Task<std::string> Authenticator::password_hash(std::string username) {
  auto hash = co_await run_blocking([this, &username] {
    return guarded<std::string>([&]() -> Result<std::string> {
      const auto user = state_->provider.user(state_->options.naming.convert(username));
      return user ? (*user)->password : std::string();
    });
  });
  co_return hash.value_or(std::string());
}

Task<Result<model::AdminPtr>> Authenticator::login_admin(AdminLoginRequest request) {
  auto admin = co_await run_blocking([this, &request] { return login_admin_now(request); });
  co_return admin;
}

void log_connection_failed(std::string_view protocol, std::string_view client_ip, std::string_view username,
                           std::string_view login_type, std::string_view error) {
  // What a client sends must not fill the log; the error may repeat the name.
  username = username.substr(0, model::max_name_length);
  error = error.substr(0, 2 * model::max_name_length);
  log::write(log::Level::debug, "connection_failed",
             {{"client_ip", client_ip},
              {"username", username},
              {"protocol", protocol},
              {"login_type", login_type},
              {"error", error}});
}

}  // namespace ferry::auth
