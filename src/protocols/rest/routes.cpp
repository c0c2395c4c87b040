// The table of routes, and what stands before each of them. docs/authority.md says the same for operators, with what
// the operations themselves refuse; a test compares the two and tries every row with every kind of caller.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "auth/duty.h"
#include "base/expiry_clock.h"
#include "base/log.h"
#include "http/credentials.h"
#include "protocols/rest/object_events.h"
#include "protocols/rest/operations.h"

namespace ferry::rest {

namespace {

using enum Access;
using enum Runs;

constexpr Row table[] = {
    {"GET", "/healthz", open, "", at_once, get_health},
    {"GET", "/api/v2/token", open, "", at_once, get_token},
    {"GET", "/api/v2/logout", own, "", at_once, log_out},
    {"GET", "/api/v2/user/token", open, "", at_once, get_user_token},
    {"POST", "/api/v2/admins/{username}/forgot-password", open, "", at_once, password_by_mail},
    {"POST", "/api/v2/admins/{username}/reset-password", open, "", at_once, password_by_mail},
    {"POST", "/api/v2/users/{username}/forgot-password", open, "", at_once, password_by_mail},
    {"POST", "/api/v2/users/{username}/reset-password", open, "", at_once, password_by_mail},
    {"GET", "/api/v2/user/logout", user_own, "", at_once, log_out},
    {"GET", "/api/v2/version", any_admin, "", at_once, get_version},
    {"GET", "/api/v2/status", permission, "view_status", blocking, get_status},
    {"PUT", "/api/v2/admin/changepwd", own, "", blocking, change_own_password},
    {"GET", "/api/v2/admin/profile", own, "", at_once, get_admin_profile},
    {"PUT", "/api/v2/admin/profile", admin_token, "", blocking, update_admin_profile},
    {"GET", "/api/v2/admin/totp/configs", own, "", at_once, list_totp_configs},
    {"POST", "/api/v2/admin/totp/generate", own, "", blocking, generate_totp},
    {"POST", "/api/v2/admin/totp/validate", own, "", blocking, validate_totp},
    {"POST", "/api/v2/admin/totp/save", own, "", blocking, save_totp},
    {"GET", "/api/v2/admin/2fa/recoverycodes", own, "", blocking, list_recovery_codes},
    {"POST", "/api/v2/admin/2fa/recoverycodes", own, "", blocking, new_recovery_codes},
    {"PUT", "/api/v2/user/changepwd", user_own, "", blocking, change_users_own_password},
    {"GET", "/api/v2/user/profile", user_own, "", at_once, get_user_profile},
    {"PUT", "/api/v2/user/profile", user_token, "", blocking, update_user_profile},
    {"GET", "/api/v2/user/totp/configs", user_own, "mfa-disabled", at_once, list_totp_configs},
    {"POST", "/api/v2/user/totp/generate", user_own, "mfa-disabled", blocking, generate_totp},
    {"POST", "/api/v2/user/totp/validate", user_own, "mfa-disabled", blocking, validate_totp},
    {"POST", "/api/v2/user/totp/save", user_own, "mfa-disabled", blocking, save_totp},
    {"GET", "/api/v2/user/2fa/recoverycodes", user_own, "mfa-disabled", blocking, list_recovery_codes},
    {"POST", "/api/v2/user/2fa/recoverycodes", user_own, "mfa-disabled", blocking, new_recovery_codes},
    {"GET", "/api/v2/connections", permission, "view_conns", blocking, list_connections},
    {"DELETE", "/api/v2/connections/{connectionID}", permission, "close_conns", blocking, close_connection},
    {"GET", "/api/v2/folders", permission, "manage_folders", blocking, list_folders},
    {"POST", "/api/v2/folders", permission, "manage_folders", blocking, add_folder},
    {"GET", "/api/v2/folders/{name}", permission, "manage_folders", blocking, get_folder},
    {"PUT", "/api/v2/folders/{name}", permission, "manage_folders", blocking, update_folder},
    {"DELETE", "/api/v2/folders/{name}", permission, "manage_folders", blocking, delete_folder},
    // Which of them is needed depends on what is named: the operation asks.
    {"POST", "/api/v2/storage-checks", permission, "add_users|edit_users|manage_folders", at_once, check_storage},
    {"GET", "/api/v2/quotas/users/scans", permission, "quota_scans", blocking, list_user_scans},
    {"POST", "/api/v2/quotas/users/{username}/scan", permission, "quota_scans", blocking, scan_user},
    {"PUT", "/api/v2/quotas/users/{username}/usage", permission, "quota_scans", blocking, update_user_usage},
    {"PUT", "/api/v2/quotas/users/{username}/transfer-usage", permission, "quota_scans", blocking,
     update_user_transfer},
    {"GET", "/api/v2/quotas/folders/scans", permission, "quota_scans", blocking, list_folder_scans},
    {"POST", "/api/v2/quotas/folders/{name}/scan", permission, "quota_scans", blocking, scan_folder},
    {"PUT", "/api/v2/quotas/folders/{name}/usage", permission, "quota_scans", blocking, update_folder_usage},
    {"GET", "/api/v2/groups", permission, "manage_groups", blocking, list_groups},
    {"POST", "/api/v2/groups", permission, "manage_groups", blocking, add_group},
    {"GET", "/api/v2/groups/{name}", permission, "manage_groups", blocking, get_group},
    {"PUT", "/api/v2/groups/{name}", permission, "manage_groups", blocking, update_group},
    {"DELETE", "/api/v2/groups/{name}", permission, "manage_groups", blocking, delete_group},
    {"GET", "/api/v2/roles", permission, "*", blocking, list_roles},
    {"POST", "/api/v2/roles", admin_token, "*", blocking, add_role},
    {"GET", "/api/v2/roles/{name}", permission, "*", blocking, get_role},
    {"PUT", "/api/v2/roles/{name}", admin_token, "*", blocking, update_role},
    {"DELETE", "/api/v2/roles/{name}", admin_token, "*", blocking, delete_role},
    {"GET", "/api/v2/defender/hosts", permission, "view_defender", blocking, list_defender_hosts},
    {"GET", "/api/v2/defender/hosts/{id}", permission, "view_defender", blocking, get_defender_host},
    {"DELETE", "/api/v2/defender/hosts/{id}", permission, "manage_defender", blocking, delete_defender_host},
    {"GET", "/api/v2/iplists/{type}", permission, "manage_ip_lists", blocking, list_ip_list},
    {"POST", "/api/v2/iplists/{type}", permission, "manage_ip_lists", blocking, add_ip_list_entry},
    {"GET", "/api/v2/iplists/{type}/{ipornet}", permission, "manage_ip_lists", blocking, get_ip_list_entry},
    {"PUT", "/api/v2/iplists/{type}/{ipornet}", permission, "manage_ip_lists", blocking, update_ip_list_entry},
    {"DELETE", "/api/v2/iplists/{type}/{ipornet}", permission, "manage_ip_lists", blocking, delete_ip_list_entry},
    {"GET", "/api/v2/dumpdata", admin_token, "*", blocking, dump_data},
    {"GET", "/api/v2/loaddata", admin_token, "*", blocking, load_data_from_file},
    {"POST", "/api/v2/loaddata", admin_token, "*", blocking, load_data_from_body, max_dump},
    {"GET", "/api/v2/apikeys", admin_token, "*", blocking, list_api_keys},
    {"POST", "/api/v2/apikeys", admin_token, "*", blocking, add_api_key},
    {"GET", "/api/v2/apikeys/{id}", admin_token, "*", blocking, get_api_key},
    {"PUT", "/api/v2/apikeys/{id}", admin_token, "*", blocking, update_api_key},
    {"DELETE", "/api/v2/apikeys/{id}", admin_token, "*", blocking, delete_api_key},
    {"GET", "/api/v2/events/fs", permission, "view_events", blocking, search_file_events},
    {"GET", "/api/v2/events/provider", permission, "view_events", blocking, search_provider_events},
    {"GET", "/api/v2/events/logs", permission, "view_events", blocking, search_log_events},
    {"GET", "/api/v2/events/queue", permission, "view_events", blocking, get_event_queue},
    {"GET", "/api/v2/events/dead-letters", permission, "view_events", blocking, list_dead_letters},
    {"POST", "/api/v2/events/dead-letters/replay", permission, "manage_event_rules", blocking, replay_dead_letters},
    {"POST", "/api/v2/events/dead-letters/{id}/replay", permission, "manage_event_rules", blocking,
     replay_dead_letters},
    {"DELETE", "/api/v2/events/dead-letters", permission, "manage_event_rules", blocking, discard_dead_letters},
    {"DELETE", "/api/v2/events/dead-letters/{id}", permission, "manage_event_rules", blocking, discard_dead_letters},
    {"GET", "/api/v2/admins", permission, "*", blocking, list_admins},
    {"POST", "/api/v2/admins", admin_token, "*", blocking, add_admin},
    {"GET", "/api/v2/admins/{username}", permission, "*", blocking, get_admin},
    {"PUT", "/api/v2/admins/{username}", admin_token, "*", blocking, update_admin},
    {"DELETE", "/api/v2/admins/{username}", admin_token, "*", blocking, delete_admin},
    {"PUT", "/api/v2/admins/{username}/2fa/disable", admin_token, "disable_mfa", blocking, disable_admin_second_factor},
    {"GET", "/api/v2/users", permission, "view_users", blocking, list_users},
    {"POST", "/api/v2/users", permission, "add_users", blocking, add_user},
    {"GET", "/api/v2/users/{username}", permission, "view_users", blocking, get_user},
    {"PUT", "/api/v2/users/{username}", permission, "edit_users", blocking, update_user},
    {"DELETE", "/api/v2/users/{username}", permission, "del_users", blocking, delete_user},
    {"PUT", "/api/v2/users/{username}/2fa/disable", permission, "disable_mfa", blocking, disable_user_second_factor},
};

using DependenciesPtr = std::shared_ptr<const Dependencies>;

// A body with GET or DELETE means nothing; some clients send a short one all the same.
constexpr std::size_t ignored_body_limit = 4096;

// A token that was good once is answered in another way than none, or what is no token.
http::Response unauthorized(const http::Request& request) {
  if (!http::api_key(request).empty()) return api_response(401, "", "the API key cannot be used");
  if (std::ranges::count(http::bearer_token(request), '.') == 2) {
    return api_response(401, "Your token is no longer valid");
  }
  return api_response(401, http::status_text(401), "a valid access token is needed");
}

// Why a caller may not use a row. Lacking rights are told in `message`, what the caller can do something about in
// `error`.
struct Objection {
  std::string_view message = {}, error = {};
  explicit operator bool() const { return !message.empty() || !error.empty(); }
};
constexpr Objection forbidden{.message = "Forbidden"};

Objection objection(auth::Duty duty) {
  if (duty == auth::Duty::change_password) return {.error = "the password must be changed first"};
  if (duty == auth::Duty::set_up_second_factor) return {.error = "a second factor must be set up first"};
  return {};
}

// Whether the administrator holds one of "a|b|c".
bool holds_one(const model::Admin& admin, std::string_view permissions) {
  for (;;) {
    const std::size_t end = permissions.find('|');
    if (admin.may(permissions.substr(0, end))) return true;
    if (end == std::string_view::npos) return false;
    permissions.remove_prefix(end + 1);
  }
}

Objection objection(const Row& row, const model::Admin& admin) {
  if (row.access == own) return {};
  if (const auto why_not = objection(auth::duty_of(admin)); why_not) return why_not;
  if (!row.permission.empty() && !holds_one(admin, row.permission)) return forbidden;
  if (limited_by_role(admin) && model::reaches_beyond_a_role(row.permission)) return forbidden;
  return {};
}

// The same for users.
Objection objection(const Row& row, const model::User& user) {
  const auto& closed = user.filters.web_client;
  if (!row.permission.empty() && std::ranges::find(closed, row.permission) != closed.end()) return forbidden;
  return row.access == user_own ? Objection() : objection(auth::duty_of(user, expiry_now_ms()));
}

bool is_for_users(const Row& row) { return row.access == user_own || row.access == user_token; }
bool takes_api_keys(const Row& row) { return row.access == any_admin || row.access == permission; }

// Whether a key's request is to update the key's own administrator: SFTPGo answers 400 to it, and 403 to whatever else
// a key may not do.
bool updates_own_admin(const Row& row, const http::Request& request, const Caller& caller) {
  return row.method == "PUT" && row.path == "/api/v2/admins/{username}" && caller.admin &&
         request.param("username") == caller.admin->username;
}

// Whom the request's token or API key speaks for: one of the two, so that nobody can mean one and get the other.
Result<Caller> find_caller(const Dependencies& api, const Row& row, const http::Request& request) {
  Caller caller;
  caller.token = http::bearer_token(request);
  const std::string key = http::api_key(request);
  if (caller.token.empty() == key.empty()) return fail(ErrorCode::authentication_failed, "no credential, or two");
  if (!key.empty()) {
    auto owner = api.logins.api_keys.verify_now(key, request.remote_ip);
    if (!owner) return fail(owner.error());
    return Caller{std::move(owner->admin), std::move(owner->user), "", std::move(owner->id)};
  }
  if (is_for_users(row)) {
    auto user = api.logins.tokens.verify_user_now(caller.token, request.remote_ip);
    if (!user) return fail(user.error());
    caller.user = std::move(*user);
  } else {
    auto admin = api.logins.tokens.verify_admin_now(caller.token, request.remote_ip);
    if (!admin) return fail(admin.error());
    caller.admin = std::move(*admin);
  }
  return caller;
}

Task<std::optional<http::Response>> check_caller(DependenciesPtr api, const Row* row, http::Request& request) {
  auto caller = co_await run_blocking(Lane::login, [&] { return find_caller(*api, *row, request); });
  if (!caller) {
    log::debug("httpd", request.id, "refused: {}", caller.error().message);
    if (!http::api_key(request).empty()) {
      auth::LoginReport report;
      report.outcome = auth::outcome_of(caller.error());
      report.connection_id = request.id;
      report.protocol = "HTTP";
      report.client_ip = request.remote_ip;
      report.method = "api_key";
      report.why = caller.error().message;
      co_await api->logins.authenticator.conclude(std::move(report));
    }
    co_return unauthorized(request);
  }
  Objection why_not = caller->user ? objection(*row, *caller->user) : objection(*row, *caller->admin);
  if (!caller->key_id.empty()) {
    if (!takes_api_keys(*row)) why_not = {.message = "API keys are not accepted here"};
    if ((caller->user != nullptr) != is_for_users(*row)) why_not = {.error = "the API key has another scope"};
  }
  const bool key_refused = !caller->key_id.empty() && !takes_api_keys(*row);
  if (key_refused && updates_own_admin(*row, request, *caller)) co_return api_response(400, "", why_not.message);
  if (why_not) co_return api_response(403, why_not.message, why_not.error);
  request.principal = std::make_shared<const Caller>(std::move(*caller));
  co_return std::nullopt;
}

// Every change leaves a line that says who made it.
void log_change(const Call& call, const http::Response& response) {
  if (call.caller == nullptr || call.request.method == "GET" || call.request.method == "HEAD") return;
  const char* kind = call.caller->whose() == store::Whose::user ? "user" : "admin";
  const std::string key = call.caller->key_id.empty() ? "" : " with API key " + call.caller->key_id;
  log::info("httpd", call.request.id, "{} \"{}\"{} from {}: {} {}: {}", kind, call.caller->name(), key,
            call.request.remote_ip, call.request.method, call.request.path, response.status);
}

http::Response perform(const Row& row, const Call& call) {
  ObjectChange change(row, call);
  http::Response response = row.operation.function(call);
  change.tell(response);
  return response;
}

Task<http::Response> run(DependenciesPtr api, const Row* row, http::Request& request) {
  const Call call{*api, request, static_cast<const Caller*>(request.principal.get())};
  http::Response response;
  if (row->operation.coroutine != nullptr) {
    response = co_await row->operation.coroutine(call);
  } else if (row->runs == at_once) {
    response = row->operation.function(call);
  } else {
    response = co_await run_blocking(Lane::database, [&] { return perform(*row, call); });
  }
  log_change(call, response);
  response.headers.set("Cache-Control", "no-store");
  co_return response;
}

}  // namespace

std::span<const Row> rows() { return table; }

void add_routes(http::Router& router, Dependencies dependencies) {
  const auto api = std::make_shared<const Dependencies>(std::move(dependencies));
  for (const Row& row : table) {
    http::Route route;
    route.method = row.method;
    route.pattern = row.path;
    const bool has_body = row.method == "POST" || row.method == "PUT";
    const std::size_t largest = row.max_body != 0 ? row.max_body : api->max_body;
    route.body_limit = has_body ? largest : ignored_body_limit;
    if (row.access != open) {
      route.gate = [api, &row](http::Request& request) { return check_caller(api, &row, request); };
    }
    route.handler = [api, &row](http::Request& request) { return run(api, &row, request); };
    router.add(std::move(route));
  }
  router.set_error_page("/", [](int status, std::string_view detail) {
    http::Response response = api_response(status, "", detail);
    if (status != 405) return response;
    // SFTPGo answers a wrong method with the right ones alone, in the field Allow.
    response = {};
    response.status = status;
    return response;
  });
}

}  // namespace ferry::rest
