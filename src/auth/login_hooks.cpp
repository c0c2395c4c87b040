#include "auth/login_hooks.h"

#include <nlohmann/json.hpp>

#include "auth/login.h"
#include "crypto/encoding.h"
#include "events/hook.h"
#include "model/json.h"
#include "store/accounts.h"

namespace ferry::auth {

namespace {

using Json = nlohmann::json;
using events::HookAnswer;
using events::HookRequest;

constexpr std::size_t longest_account = std::size_t{1} << 20;  // bytes of an account's JSON

// `what` failed: refused, but it is nobody's fault who logs in.
std::unexpected<Error> broken(std::string_view what, const std::string& why) {
  return fail(ErrorCode::io_error, std::string(what) + ": " + why);
}
std::unexpected<Error> says_no(std::string_view what) {
  return fail(ErrorCode::authentication_failed, std::string(what) + " says no");
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(blank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

// "type base64", as in authorized_keys; empty for none.
std::string key_line(const Bytes& blob) {
  ByteReader reader(blob);
  const std::string_view type = reader.string();
  return reader.ok() ? std::string(type) + " " + crypto::base64_encode(blob) : std::string();
}

unsigned scope_of(Method method) {
  switch (method) {
    case Method::password: return 1;
    case Method::publickey: return 2;
    case Method::keyboard_interactive: return 4;
    case Method::none: return 0;
  }
  return 0;
}

unsigned scope_of(std::string_view protocol) {
  return protocol == "SSH" ? 1 : protocol == "FTP" ? 2 : protocol == "DAV" ? 4 : protocol == "HTTP" ? 8 : 0;
}

bool covers(unsigned scope, unsigned one) { return scope == 0 ? one != 0 : (scope & one) != 0; }

// What a credential was accepted for: not for another method, nor once the account has changed.
std::string context_of(const LoginRequest& request, const model::User& user) {
  return std::string(to_string(request.method)) + ' ' + std::to_string(user.updated_at) + ' ' + user.password;
}

std::string_view credential_of(const LoginRequest& request) {
  return request.method == Method::password ? request.password.text() : as_text(request.public_key);
}

// An answer may name only what it changes of an account: its fields replace the account's, those of `filters` and
// `filesystem` one by one.
Result<model::User> changed_user(const model::User& user, std::string_view answer) {
  Result<Json> changes = model::parse_object(answer);
  if (!changes) return fail(changes.error());
  Json json = model::to_json(user, model::View::storage);
  for (auto& [name, value] : changes->items()) {
    if ((name == "filters" || name == "filesystem") && value.is_object() && json[name].is_object()) {
      json[name].update(value);
    } else {
      json[name] = std::move(value);
    }
  }
  return model::user_from_json(json);
}

}  // namespace

// An account as it is before a hook is asked.
struct LoginHooks::Stored {
  std::string name;                // as it is stored, or would be
  model::UserPtr user;             // none: there is no such account
  model::BaseUserFilters filters;  // with those of its groups
};

bool LoginHooks::provides_accounts(const LoginRequest& request) const {
  if (request.prepared || request.method == Method::none) return false;
  // For a certificate its authority answers.
  if (options_.external_auth.empty()) return !options_.pre_login.empty();
  return request.certified_names.empty() && covers(options_.external_auth_scope, scope_of(request.method));
}

Result<LoginHooks::Stored> LoginHooks::read(const std::string& name) const {
  Stored stored;
  stored.name = options_.accounts->stored_name(name);
  store::Provider& provider = options_.accounts->provider();
  auto user = provider.user(stored.name);
  if (!user && user.error().code == ErrorCode::not_found) return stored;
  if (!user) return fail(user.error());
  auto effective = provider.effective_user(stored.name);
  if (!effective) return fail(effective.error());
  stored.user = std::move(*user);
  stored.filters = (*effective)->filters;
  return stored;
}

Task<Result<HookVerdict>> LoginHooks::provide_account(const LoginRequest& request) {
  auto stored = co_await run_blocking(Lane::database, [&] { return read(request.username); });
  if (!stored) co_return fail(stored.error());
  const bool external = !options_.external_auth.empty();
  const model::HooksFilter& disabled = stored->filters.hooks;
  if (external ? disabled.external_auth_disabled : disabled.pre_login_disabled) co_return HookVerdict{};
  if (external) {
    auto verdict = co_await ask_external(request, *stored);
    co_return verdict;
  }
  auto verdict = co_await ask_pre_login(request, *stored);
  co_return verdict;
}

Task<Result<HookVerdict>> LoginHooks::ask_external(const LoginRequest& request, const Stored& stored) {
  constexpr std::string_view what = "external authentication";
  const std::string account = "user:" + stored.name;
  const bool dialogue = request.method == Method::keyboard_interactive;
  if (!dialogue && stored.user && stored.filters.external_auth_cache_time > 0 &&
      accepted_.contains(account, context_of(request, *stored.user), credential_of(request))) {
    co_return HookVerdict{.credential_right = true, .to_verify = {}};
  }
  const std::string password = dialogue ? std::string() : std::string(request.password.text());
  std::string key = key_line(request.public_key);
  if (!key.empty()) key += '\n';  // as a line of authorized_keys
  const std::string interactive = dialogue ? "1" : "";
  Json body = {{"username", stored.name}, {"ip", request.client_ip}, {"protocol", request.protocol},
               {"password", password},    {"public_key", key},       {"keyboard_interactive", interactive},
               {"tls_cert", ""}};
  std::string user;
  if (stored.user) {
    body["user"] = model::to_json(*stored.user, model::View::storage);
    user = dump(body["user"]);
  }
  HookRequest hook{.name = "external_auth", .where = options_.external_auth};
  hook.environment = {{"SFTPGO_AUTHD_USERNAME", stored.name},
                      {"SFTPGO_AUTHD_USER", user},
                      {"SFTPGO_AUTHD_IP", request.client_ip},
                      {"SFTPGO_AUTHD_PROTOCOL", request.protocol},
                      {"SFTPGO_AUTHD_PASSWORD", password},
                      {"SFTPGO_AUTHD_PUBLIC_KEY", key},
                      {"SFTPGO_AUTHD_KEYBOARD_INTERACTIVE", interactive},
                      {"SFTPGO_AUTHD_TLS_CERT", ""}};
  hook.body = dump(body);
  hook.max_output = longest_account;
  const auto answer = co_await options_.hooks->run(std::move(hook));
  if (!answer) co_return broken(what, answer.error().message);
  if (!answer->ok) {
    if (events::is_url(options_.external_auth) && answer->status < 500) co_return says_no(what);
    co_return broken(what, "status " + std::to_string(answer->status));
  }
  // Nothing to add: the credential is to be the stored one.
  if (trimmed(answer->output).empty()) co_return HookVerdict{};
  auto given = model::user_from_text(answer->output);
  if (!given) co_return broken(what, given.error().message);
  if (given->username.empty()) co_return says_no(what);
  auto kept = co_await run_blocking(Lane::database, [&]() -> Result<Stored> {
    if (auto good = store(stored, std::move(*given)); !good) return fail(good.error());
    return read(stored.name);
  });
  if (!kept) co_return broken(what, kept.error().message);
  if (dialogue) co_return HookVerdict{};  // which goes on to ask for the credential
  if (kept->user && kept->filters.external_auth_cache_time > 0) {
    accepted_.add(account, context_of(request, *kept->user), credential_of(request),
                  std::chrono::seconds(kept->filters.external_auth_cache_time));
  }
  co_return HookVerdict{.credential_right = true, .to_verify = {}};
}

Task<Result<HookVerdict>> LoginHooks::ask_pre_login(const LoginRequest& request, const Stored& stored) {
  constexpr std::string_view what = "the pre-login hook";
  model::User user;
  user.username = stored.name;
  if (stored.user) user = *stored.user;
  Json json = model::to_json(user, model::View::storage);
  json["id"] = user.id;  // also when it is 0, which tells that there is no such account
  const std::string text = dump(json), method(to_string(request.method));
  HookRequest hook{.name = "pre_login", .where = options_.pre_login};
  hook.environment = {{"SFTPGO_LOGIND_USER", text},
                      {"SFTPGO_LOGIND_METHOD", method},
                      {"SFTPGO_LOGIND_IP", request.client_ip},
                      {"SFTPGO_LOGIND_PROTOCOL", request.protocol}};
  hook.query = {{"login_method", method}, {"ip", request.client_ip}, {"protocol", request.protocol}};
  hook.body = text;
  hook.max_output = longest_account;
  const auto answer = co_await options_.hooks->run(std::move(hook));
  if (!answer) co_return broken(what, answer.error().message);
  const bool url = events::is_url(options_.pre_login);
  if (url && answer->status == 204) co_return HookVerdict{};
  if (!answer->ok) co_return broken(what, "status " + std::to_string(answer->status));
  if (!url && trimmed(answer->output).empty()) co_return HookVerdict{};
  const auto kept = co_await run_blocking(Lane::database, [&]() -> Result<void> {
    auto changed = changed_user(user, answer->output);
    if (!changed) return fail(changed.error());
    return store(stored, std::move(*changed));
  });
  if (!kept) co_return broken(what, kept.error().message);
  co_return HookVerdict{};
}

// Another account than the one that was asked for would get the credential of this one.
Result<void> LoginHooks::store(const Stored& stored, model::User user) const {
  if (options_.accounts->stored_name(user.username) != stored.name) {
    return fail(ErrorCode::invalid_argument, "it answers another account");
  }
  auto kept = options_.accounts->provide_user(std::move(user), stored.user);
  if (!kept) return fail(kept.error());
  return {};
}

bool LoginHooks::checks_password(const LoginRequest& request) const {
  const bool by_password =
      request.method == Method::password || (request.method == Method::keyboard_interactive && !request.vouched);
  return !options_.check_password.empty() && by_password && !request.password.empty() &&
         covers(options_.check_password_scope, scope_of(request.protocol));
}

Task<Result<HookVerdict>> LoginHooks::check_password(const LoginRequest& request, model::UserPtr user) {
  constexpr std::string_view what = "the check-password hook";
  if (user->filters.hooks.check_password_disabled || user->filters.is_anonymous) co_return HookVerdict{};
  const std::string password(request.password.text());
  HookRequest hook{.name = "check_password", .where = options_.check_password};
  hook.environment = {{"SFTPGO_AUTHD_USERNAME", user->username},
                      {"SFTPGO_AUTHD_PASSWORD", password},
                      {"SFTPGO_AUTHD_IP", request.client_ip},
                      {"SFTPGO_AUTHD_PROTOCOL", request.protocol}};
  hook.body = dump({{"username", user->username},
                    {"password", password},
                    {"ip", request.client_ip},
                    {"protocol", request.protocol}});
  const auto answer = co_await options_.hooks->run(std::move(hook));
  if (!answer) co_return broken(what, answer.error().message);
  if (!answer->ok) co_return broken(what, "status " + std::to_string(answer->status));
  const Json json = Json::parse(answer->output, nullptr, false);
  const auto status = json.is_object() ? json.find("status") : json.end();
  if (!json.is_object() || status == json.end() || !status->is_number_integer()) {
    co_return broken(what, "no JSON with a status");
  }
  if (*status == 0) co_return says_no(what);
  if (*status == 1) co_return HookVerdict{.credential_right = true, .to_verify = {}};
  const auto part = json.find("to_verify");
  if (*status != 2 || part == json.end() || !part->is_string()) co_return broken(what, "an unknown status, or no text");
  co_return HookVerdict{.credential_right = false,
                        .to_verify = crypto::Secret(std::string_view(part->get_ref<const std::string&>()))};
}

std::chrono::milliseconds LoginHooks::login_ended(const LoginReport& report) {
  const bool good = report.outcome == LoginReport::Outcome::succeeded;
  const bool wanted = options_.post_login_scope == 0 || options_.post_login_scope == (good ? 2 : 1);
  if (options_.post_login.empty() || report.admin || !wanted) return {};
  model::User nobody;
  nobody.username = report.username;
  const std::string user = model::to_text(report.user ? *report.user : nobody, model::View::answer);
  const std::string status = good ? "1" : "0";
  HookRequest hook{.name = "post_login", .where = options_.post_login};
  hook.environment = {{"SFTPGO_LOGIND_USER", user},
                      {"SFTPGO_LOGIND_IP", report.client_ip},
                      {"SFTPGO_LOGIND_METHOD", report.method},
                      {"SFTPGO_LOGIND_STATUS", status},
                      {"SFTPGO_LOGIND_PROTOCOL", report.protocol}};
  hook.query = {
      {"login_method", report.method}, {"ip", report.client_ip}, {"protocol", report.protocol}, {"status", status}};
  hook.body = user;
  hook.retried = true;
  options_.hooks->start(std::move(hook));
  return {};
}

}  // namespace ferry::auth
