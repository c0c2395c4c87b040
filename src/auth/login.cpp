#include "auth/login.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>

#include "auth/password_cache.h"
#include "auth/rules.h"
#include "base/log.h"
#include "model/public_key.h"

namespace ferry::auth {

namespace {

constexpr std::size_t max_password = 4096;
constexpr std::int64_t last_login_interval_ms = 10 * 60 * 1000;
// A key is refused after no less: whether the account was looked up, and where, must not be told by the time.
constexpr std::chrono::milliseconds quickest_key_refusal{3};

// Bytes of an account's keys that are looked through on an event loop.
constexpr std::size_t most_keys_at_once = 16 * 1024;

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

// Whatever goes wrong inside is a refusal.
template <class Outcome>
Task<Result<Outcome>> guarded(Task<Result<Outcome>> attempt) {
  try {
    auto outcome = co_await std::move(attempt);
    co_return outcome;
  } catch (const std::exception& error) {
    co_return fail(ErrorCode::internal, std::string("the login could not be decided: ") + error.what());
  }
}

Task<void> wait(std::chrono::milliseconds delay) {
  if (delay.count() <= 0) co_return;
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, delay);
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

Task<void> wait_until(std::chrono::steady_clock::time_point when) {
  const auto left = when - std::chrono::steady_clock::now();
  co_await wait(std::chrono::ceil<std::chrono::milliseconds>(left));
}

}  // namespace

struct Authenticator::State {
  State(store::Provider& store, LoginOptions login_options)
      : provider(store),
        options(std::move(login_options)),
        second_factor(provider, options.totp, options.master_key),
        hooks(options.hooks),
        dummy_hash(crypto::hash_password("no account has this password", options.hashing)) {}

  Task<Result<LoginOutcome>> attempt(const LoginRequest& request);
  Task<Result<void>> attempt_part(const LoginRequest& request, bool code);
  Task<Result<model::AdminPtr>> attempt_admin(const AdminLoginRequest& request);
  Task<Result<void>> provide_account(const LoginRequest& request);
  Task<Result<std::string>> password_hash(const std::string& username);
  Task<Result<HookVerdict>> ask_about_password(const LoginRequest& request);
  // The parts of an attempt that block. `verdict`: what hooks have said.
  Result<LoginOutcome> decide(const LoginRequest& request, const HookVerdict& verdict);
  Result<LoginOutcome> decide_about(Result<model::UserPtr> user, const LoginRequest& request,
                                    const HookVerdict& verdict, const Circumstances& at);
  Result<void> decide_part(const LoginRequest& request, bool code, const HookVerdict& verdict);
  Result<model::AdminPtr> decide_admin(const AdminLoginRequest& request);
  // The same without blocking, for keys that are right; nothing when it might have to, or when they are not.
  std::optional<LoginOutcome> decide_at_once(const LoginRequest& request, const HookVerdict& verdict);
  // The account, and whether it may log in in this way at all, whatever the credential is.
  Result<model::UserPtr> allowed_user(const LoginRequest& request);
  Result<Step> check_account(const Result<model::UserPtr>& user, const LoginRequest& request, const Circumstances& at);
  Result<void> check_credential(model::UserPtr& user, const LoginRequest& request, const HookVerdict& verdict);
  Result<void> check_password(model::UserPtr& user, const LoginRequest& request, const HookVerdict& verdict);
  Result<void> check_code(const model::User& user, const std::optional<crypto::Secret>& code,
                          std::string_view protocol);
  Circumstances circumstances(const LoginRequest& request) const {
    return {options.clock(), request.client_ip, request.protocol, options.local_time};
  }
  // Whether the password is the stored hash's. Takes the time of a hash for an account without one, too.
  bool password_matches(const std::string& account, const std::string& stored, std::string_view password);
  void waste_a_hash(std::string_view password) const { (void)crypto::verify_password(dummy_hash, password); }
  // Logs and tells; returns when the client may have its answer.
  Task<void> conclude(LoginReport report);
  Task<Result<void>> concluded(const LoginRequest& request, Result<void> part);
  std::chrono::milliseconds tell(const LoginReport& report);
  // The hash that should replace a stored one that has just verified; empty: none.
  std::string renewed_hash(const std::string& stored, std::string_view password) const;

  store::Provider& provider;
  const LoginOptions options;
  SecondFactor second_factor;
  LoginHooks hooks;
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

Result<void> Authenticator::State::check_credential(model::UserPtr& user, const LoginRequest& request,
                                                    const HookVerdict& verdict) {
  if (verdict.credential_right) return {};
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
  return check_password(user, request, verdict);
}

Result<void> Authenticator::State::check_code(const model::User& user, const std::optional<crypto::Secret>& code,
                                              std::string_view protocol) {
  if (!code) return refuse("the one-time code is missing");
  return second_factor.use_code(user, protocol, code->text(), code_time());
}

Result<void> Authenticator::State::check_password(model::UserPtr& user, const LoginRequest& request,
                                                  const HookVerdict& verdict) {
  if (user->filters.is_anonymous || verdict.credential_right) return {};
  const std::string_view password = (verdict.to_verify ? *verdict.to_verify : request.password).text();
  const std::string account = "user:" + user->username;
  const std::string stored = user->password;
  if (!password_matches(account, stored, password)) return refuse("the password is wrong");
  const std::string renewed = renewed_hash(stored, password);
  if (renewed.empty()) return {};
  const auto changed = provider.change_user(user->username, [&](model::User& current) -> Result<void> {
    if (current.password != stored) return fail(ErrorCode::conflict, "the password has just been changed");
    current.password = renewed;
    return {};
  });
  if (!changed)
    return fail(changed.error().code, "the password's hash could not be renewed: " + changed.error().message);
  auto again = provider.effective_user(user->username);
  if (!again) return fail(again.error());
  user = std::move(*again);
  return {};
}

Result<Step> Authenticator::State::check_account(const Result<model::UserPtr>& user, const LoginRequest& request,
                                                 const Circumstances& at) {
  if (!user) return fail(user.error());
  if (auto allowed = check_user(**user, request.method, at); !allowed) return fail(allowed.error());
  return check_method(**user, request.method, request.protocol, request.completed);
}

Result<model::UserPtr> Authenticator::State::allowed_user(const LoginRequest& request) {
  auto user = provider.effective_user(options.naming.convert(request.username));
  const Result<Step> step = check_account(user, request, circumstances(request));
  if (!step) return fail(step.error());
  return user;
}

// The order of a login. Hooks come first; the decision is made afterwards, from what is stored then.
Task<Result<LoginOutcome>> Authenticator::State::attempt(const LoginRequest& request) {
  HookVerdict verdict;
  if (hooks.provides_accounts(request)) {
    // Nobody is asked before a signature shows that the key is the client's.
    if (request.probe) co_return LoginOutcome{};
    auto provided = co_await hooks.provide_account(request);
    if (!provided) co_return fail(provided.error());
    verdict = std::move(*provided);
  }
  if (!verdict.credential_right && hooks.checks_password(request)) {
    auto checked = co_await ask_about_password(request);
    if (!checked) co_return fail(checked.error());
    verdict = std::move(*checked);
  }
  // A hop to the pool costs more than what is to be done about most keys.
  if (auto right = decide_at_once(request, verdict)) co_return std::move(*right);
  auto outcome = co_await run_blocking([&] { return decide(request, verdict); });
  co_return outcome;
}

// One credential of a dialogue; the account's other rules hold for it, too.
Task<Result<void>> Authenticator::State::attempt_part(const LoginRequest& request, bool code) {
  HookVerdict verdict;
  if (!code && hooks.checks_password(request)) {
    auto checked = co_await ask_about_password(request);
    if (!checked) co_return fail(checked.error());
    verdict = std::move(*checked);
  }
  auto outcome = co_await run_blocking([&] { return decide_part(request, code, verdict); });
  co_return outcome;
}

// About accounts that may log in. Whoever is not asked about is refused here: what is decided later may see another
// account. The time must not tell that nobody was asked.
Task<Result<HookVerdict>> Authenticator::State::ask_about_password(const LoginRequest& request) {
  auto user = co_await run_blocking([&] {
    auto allowed = allowed_user(request);
    if (!allowed) waste_a_hash(request.password.text().substr(0, max_password));
    return allowed;
  });
  if (!user) co_return fail(user.error());
  auto verdict = co_await hooks.check_password(request, std::move(*user));
  co_return verdict;
}

Task<Result<void>> Authenticator::State::provide_account(const LoginRequest& request) {
  if (!hooks.provides_accounts(request)) co_return Result<void>{};
  const auto provided = co_await hooks.provide_account(request);
  if (!provided) co_return fail(provided.error());
  co_return Result<void>{};
}

Task<Result<model::AdminPtr>> Authenticator::State::attempt_admin(const AdminLoginRequest& request) {
  auto admin = co_await run_blocking([&] { return decide_admin(request); });
  co_return admin;
}

Task<Result<std::string>> Authenticator::State::password_hash(const std::string& username) {
  auto user = co_await run_blocking([&] { return provider.user(options.naming.convert(username)); });
  if (!user) co_return fail(user.error());
  co_return (*user)->password;
}

std::optional<LoginOutcome> Authenticator::State::decide_at_once(const LoginRequest& request,
                                                                 const HookVerdict& verdict) {
  if (request.method != Method::publickey) return std::nullopt;
  model::UserPtr user = provider.remembered_user(options.naming.convert(request.username));
  const Circumstances at = circumstances(request);
  if (!user || has_many_keys(*user) || login_is_to_be_noted(*user, request, at)) return std::nullopt;
  auto outcome = decide_about(std::move(user), request, verdict, at);
  if (!outcome) return std::nullopt;
  return std::move(*outcome);
}

Result<LoginOutcome> Authenticator::State::decide(const LoginRequest& request, const HookVerdict& verdict) {
  return decide_about(provider.effective_user(options.naming.convert(request.username)), request, verdict,
                      circumstances(request));
}

Result<LoginOutcome> Authenticator::State::decide_about(Result<model::UserPtr> user, const LoginRequest& request,
                                                        const HookVerdict& verdict, const Circumstances& at) {
  Result<Step> step = check_account(user, request, at);
  if (!step) {
    // The time must not tell that the password was never looked at.
    const bool by_password = request.method != Method::publickey && !request.vouched;
    if (by_password) waste_a_hash(request.password.text().substr(0, max_password));
    return fail(step.error());
  }
  const bool by_dialogue = request.method == Method::keyboard_interactive && !request.vouched;
  const bool coded = (by_dialogue || request.method == Method::password) &&
                     SecondFactor::applies((*user)->filters.totp_config, request.protocol);
  if (coded && request.protocol == "FTP" && !request.code) return decide(with_code_apart(request), verdict);
  if (auto credential = check_credential(*user, request, verdict); !credential) return fail(credential.error());
  if (coded && by_dialogue && !request.code) {
    LoginOutcome outcome;
    outcome.code_due = true;
    return outcome;
  }
  if (coded) {
    if (auto right = check_code(**user, request.code, request.protocol); !right) return fail(right.error());
  }
  if (!step->partial && login_is_to_be_noted(**user, request, at)) {
    const auto noted = provider.set_user_last_login((*user)->username, at.now_ms);
    if (!noted) return fail(noted.error().code, "the login could not be noted: " + noted.error().message);
  }
  return LoginOutcome{.user = std::move(*user),
                      .partial = step->partial,
                      .remaining = std::move(step->remaining),
                      .method = std::move(step->name)};
}

Result<void> Authenticator::State::decide_part(const LoginRequest& request, bool code, const HookVerdict& verdict) {
  const Circumstances at = circumstances(request);
  auto user = provider.effective_user(options.naming.convert(request.username));
  const Result<Step> step = check_account(user, request, at);
  const bool has_codes = step && SecondFactor::applies((*user)->filters.totp_config, request.protocol);
  if (code && !has_codes) {
    second_factor.waste_a_code(code_time());
    return step ? refuse("the account has no one-time codes") : refuse(step.error().message);
  }
  if (!step) {
    waste_a_hash(request.password.text().substr(0, max_password));
    return fail(step.error());
  }
  if (!code) return check_password(*user, request, verdict);
  return check_code(**user, request.code, request.protocol);
}

Result<model::AdminPtr> Authenticator::State::decide_admin(const AdminLoginRequest& request) {
  const Circumstances at{options.clock(), request.client_ip, "HTTP", options.local_time};
  const std::string_view password = request.password.text();
  auto admin = provider.admin(options.naming.convert(request.username));
  const auto allowed = admin ? check_admin(**admin, at) : Result<void>(fail(admin.error()));
  if (!allowed) {
    waste_a_hash(password.substr(0, max_password));
    return fail(allowed.error());
  }
  const std::string stored = (*admin)->password;
  if (!password_matches("admin:" + (*admin)->username, stored, password)) return refuse("the password is wrong");
  if ((*admin)->filters.totp_config.enabled) {
    const auto right = second_factor.use_code(**admin, request.code.text(), code_time());
    if (!right) return fail(right.error());
  }
  const std::string renewed = renewed_hash(stored, password);
  if (!renewed.empty()) {
    admin = provider.change_admin((*admin)->username, [&](model::Admin& current) -> Result<void> {
      if (current.password != stored) return fail(ErrorCode::conflict, "the password has just been changed");
      current.password = renewed;
      return {};
    });
    if (!admin) return fail(admin.error().code, "the password's hash could not be renewed: " + admin.error().message);
  }
  if (at.now_ms - (*admin)->last_login > last_login_interval_ms) {
    const auto noted = provider.set_admin_last_login((*admin)->username, at.now_ms);
    if (!noted) return fail(noted.error().code, "the login could not be noted: " + noted.error().message);
  }
  return admin;
}

std::chrono::milliseconds Authenticator::State::tell(const LoginReport& report) {
  if (report.outcome != LoginReport::Outcome::succeeded) log_connection_failed(report);
  std::chrono::milliseconds delay = hooks.login_ended(report);
  for (LoginObserver* observer : options.observers) delay = std::max(delay, observer->login_ended(report));
  return delay;
}

Task<void> Authenticator::State::conclude(LoginReport report) {
  const auto delay = tell(report);
  co_await wait(delay);
}

Authenticator::Authenticator(store::Provider& provider, LoginOptions options)
    : state_(std::make_unique<State>(provider, std::move(options))) {}
Authenticator::~Authenticator() = default;

Task<Result<LoginOutcome>> Authenticator::login(LoginRequest request) {
  // Clients begin with "none" to learn the methods: no account is looked up, nothing is logged.
  if (request.method == Method::none) co_return refused();
  const auto begun = std::chrono::steady_clock::now();
  auto outcome = co_await guarded(state_->attempt(request));
  if (!outcome && request.method == Method::publickey) co_await wait_until(begun + quickest_key_refusal);
  const bool open = outcome && (outcome->partial || outcome->code_due);
  LoginReport report = report_of(request);
  if (outcome) {
    report.outcome = LoginReport::Outcome::succeeded;
    report.user = outcome->user;
    report.method = outcome->method;
  } else {
    report.outcome = outcome_of(outcome.error());
    report.why = outcome.error().message;
  }
  if (!outcome && request.refused_key) {
    *request.refused_key = std::move(report);
  } else if (!open && !request.probe) {
    co_await state_->conclude(std::move(report));
  }
  if (!outcome) co_return refused();
  co_return outcome;
}

Task<Result<void>> Authenticator::State::concluded(const LoginRequest& request, Result<void> part) {
  if (part) co_return part;
  LoginReport report = report_of(request);
  report.outcome = outcome_of(part.error());
  report.why = part.error().message;
  co_await conclude(std::move(report));
  co_return refused();
}

Task<Result<void>> Authenticator::prepare(LoginRequest request) {
  auto outcome = co_await guarded(state_->provide_account(request));
  auto answer = co_await state_->concluded(request, std::move(outcome));
  co_return answer;
}

Task<Result<void>> Authenticator::check_password(LoginRequest request) {
  auto outcome = co_await guarded(state_->attempt_part(request, false));
  auto answer = co_await state_->concluded(request, std::move(outcome));
  co_return answer;
}

Task<Result<void>> Authenticator::check_code(LoginRequest request) {
  auto outcome = co_await guarded(state_->attempt_part(request, true));
  auto answer = co_await state_->concluded(request, std::move(outcome));
  co_return answer;
}

Task<std::string> Authenticator::password_hash(std::string username) {
  auto hash = co_await guarded(state_->password_hash(username));
  co_return hash.value_or(std::string());
}

Task<Result<model::AdminPtr>> Authenticator::login_admin(AdminLoginRequest request) {
  auto admin = co_await guarded(state_->attempt_admin(request));
  LoginReport report{.protocol = "HTTP",
                     .client_ip = request.client_ip,
                     .username = request.username,
                     .method = "password",
                     .admin = true};
  if (admin) {
    report.outcome = LoginReport::Outcome::succeeded;
  } else {
    report.outcome = outcome_of(admin.error());
    report.why = admin.error().message;
  }
  co_await state_->conclude(std::move(report));
  if (!admin) co_return refused();
  co_return admin;
}

std::chrono::milliseconds Authenticator::report(const LoginReport& report) { return state_->tell(report); }

Task<void> Authenticator::conclude(LoginReport report) { return state_->conclude(std::move(report)); }

const SecondFactor& Authenticator::second_factor() const { return state_->second_factor; }

LoginReport report_of(const LoginRequest& request) {
  const std::string prefix = request.completed.empty() ? "" : "publickey+";
  LoginReport report;
  report.connection_id = request.connection_id;
  report.protocol = request.protocol;
  report.client_ip = request.client_ip;
  report.username = request.username;
  report.method = prefix + std::string(to_string(request.method));
  return report;
}

}  // namespace ferry::auth
