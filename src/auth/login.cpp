#include "auth/login.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>

#include "auth/login_decision.h"

namespace ferry::auth {

namespace {

// The earliest time after which a key is refused. Otherwise the time would tell whether the account was found in memory
// (microseconds), in the database (a millisecond), or not at all.
constexpr std::chrono::milliseconds quickest_key_refusal{3};

// What every refused client is told.
std::unexpected<Error> refused_login() { return fail(ErrorCode::authentication_failed, "invalid credentials"); }

// Turns an exception into a refusal.
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

// Others who come meanwhile put the end off.
Task<void> wait_until_due(RefusalTime::Try& attempt) {
  for (auto due = attempt.due(); RefusalTime::Clock::now() < due; due = attempt.due()) {
    co_await wait_until(due);
  }
}

}  // namespace

struct Authenticator::State {
  State(store::Provider& store, LoginOptions login_options)
      : provider(store), options(std::move(login_options)), hooks(options.hooks), decision(provider, options) {}

  // Decides on the pool. A refused password is answered when the costliest one would be (auth/refusal_time).
  template <class Decide>
  Task<std::invoke_result_t<Decide&>> decided(bool by_password, Decide decide);
  // `known` becomes the account as soon as it is found, for who is told how the login ends.
  Task<Result<LoginOutcome>> attempt(const LoginRequest& request, model::UserPtr& known);
  Task<Result<void>> attempt_part(const LoginRequest& request, bool code, model::UserPtr& known);
  Task<Result<model::AdminPtr>> attempt_admin(const AdminLoginRequest& request);
  Task<Result<void>> provide_account(const LoginRequest& request);
  Task<Result<std::string>> password_hash(const std::string& username);
  Task<Result<HookVerdict>> ask_about_password(const LoginRequest& request, model::UserPtr& known);
  // Logs and tells; returns when the client may have its answer.
  Task<void> conclude(LoginReport report);
  Task<Result<void>> concluded(const LoginRequest& request, Result<void> part, model::UserPtr known);
  std::chrono::milliseconds tell(const LoginReport& report);

  store::Provider& provider;
  const LoginOptions options;
  LoginHooks hooks;
  LoginDecision decision;
};

template <class Decide>
Task<std::invoke_result_t<Decide&>> Authenticator::State::decided(bool by_password, Decide decide) {
  std::optional<RefusalTime::Try> attempt;
  if (by_password) attempt.emplace(decision.refusal_time());
  auto outcome = co_await run_blocking(Lane::login, [&] {
    if (attempt) attempt->started();
    return decide();
  });
  if (!outcome && attempt) co_await wait_until_due(*attempt);
  co_return outcome;
}

// The order of a login. Hooks come first; the decision is made afterwards, from what is stored then.
Task<Result<LoginOutcome>> Authenticator::State::attempt(const LoginRequest& request, model::UserPtr& known) {
  HookVerdict verdict;
  if (hooks.provides_accounts(request)) {
    // The hook is asked only after a signature has shown that the client has the key, not for a mere query.
    if (request.probe) co_return LoginOutcome{};
    auto provided = co_await hooks.provide_account(request);
    if (!provided) co_return fail(provided.error());
    verdict = std::move(*provided);
  }
  if (!verdict.credential_right && hooks.checks_password(request)) {
    auto checked = co_await ask_about_password(request, known);
    if (!checked) co_return fail(checked.error());
    verdict = std::move(*checked);
  }
  // Deciding about a key of a remembered account takes less time than handing it to the pool.
  if (auto right = decision.decide_at_once(request, verdict)) co_return std::move(*right);
  auto outcome =
      co_await decided(request.method != Method::publickey, [&] { return decision.decide(request, verdict, known); });
  co_return outcome;
}

// One credential of a dialogue; the account's other rules hold for it, too.
Task<Result<void>> Authenticator::State::attempt_part(const LoginRequest& request, bool code, model::UserPtr& known) {
  HookVerdict verdict;
  if (!code && hooks.checks_password(request)) {
    auto checked = co_await ask_about_password(request, known);
    if (!checked) co_return fail(checked.error());
    verdict = std::move(*checked);
  }
  auto outcome = co_await decided(!code, [&] { return decision.decide_part(request, code, verdict, known); });
  co_return outcome;
}

// Asks the check-password hook, but only about accounts that may log in at all. An account that may not is refused here
// and now: if decide() looked again later, an account that was enabled meanwhile could log in without the hook having
// been asked. The refusal takes as long as others (see decided()).
Task<Result<HookVerdict>> Authenticator::State::ask_about_password(const LoginRequest& request, model::UserPtr& known) {
  auto user = co_await decided(true, [&] { return decision.allowed_user(request, known); });
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
  auto admin = co_await decided(true, [&] { return decision.decide_admin(request); });
  co_return admin;
}

Task<Result<std::string>> Authenticator::State::password_hash(const std::string& username) {
  auto user = co_await run_blocking(Lane::database, [&] { return provider.user(options.naming.convert(username)); });
  if (!user) co_return fail(user.error());
  co_return (*user)->password;
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
  if (request.method == Method::none) co_return refused_login();
  const auto begun = std::chrono::steady_clock::now();
  model::UserPtr known;
  auto outcome = co_await guarded(state_->attempt(request, known));
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
    report.user = std::move(known);
  }
  if (!outcome && request.refused_key) {
    *request.refused_key = std::move(report);
  } else if (!open && !request.probe) {
    co_await state_->conclude(std::move(report));
  }
  if (!outcome) co_return refused_login();
  co_return outcome;
}

Task<Result<void>> Authenticator::State::concluded(const LoginRequest& request, Result<void> part,
                                                   model::UserPtr known) {
  if (part) co_return part;
  LoginReport report = report_of(request);
  report.outcome = outcome_of(part.error());
  report.why = part.error().message;
  report.user = std::move(known);
  co_await conclude(std::move(report));
  co_return refused_login();
}

Task<Result<void>> Authenticator::prepare(LoginRequest request) {
  auto outcome = co_await guarded(state_->provide_account(request));
  model::UserPtr unknown;
  auto answer = co_await state_->concluded(request, std::move(outcome), std::move(unknown));
  co_return answer;
}

Task<Result<void>> Authenticator::check_password(LoginRequest request) {
  model::UserPtr known;
  auto outcome = co_await guarded(state_->attempt_part(request, false, known));
  auto answer = co_await state_->concluded(request, std::move(outcome), std::move(known));
  co_return answer;
}

Task<Result<void>> Authenticator::check_code(LoginRequest request) {
  model::UserPtr known;
  auto outcome = co_await guarded(state_->attempt_part(request, true, known));
  auto answer = co_await state_->concluded(request, std::move(outcome), std::move(known));
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
  if (!admin) co_return refused_login();
  co_return admin;
}

std::chrono::milliseconds Authenticator::report(const LoginReport& report) { return state_->tell(report); }

Task<void> Authenticator::conclude(LoginReport report) { return state_->conclude(std::move(report)); }

const SecondFactor& Authenticator::second_factor() const { return state_->decision.second_factor(); }

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
