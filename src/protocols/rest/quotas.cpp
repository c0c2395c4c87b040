// What users and folders have used of their quotas: set by hand, or counted again.
#include <nlohmann/json.hpp>

#include "protocols/rest/operations.h"
#include "protocols/rest/role_limits.h"

namespace ferry::rest {

namespace {

using nlohmann::json;
using store::QuotaUpdate;

std::optional<http::Response> not_tracked(const Call& call) {
  if (call.api.sessions.ledger->options().tracking != quota::Tracking::off) return std::nullopt;
  return api_response(403, "", "quotas are not tracked");
}

http::Response being_scanned() { return api_response(409, "", "a quota scan is running"); }

Result<model::UserPtr> named_user(const Call& call) { return visible_user(call, call.name("username")); }

Result<QuotaUpdate> mode_of(const Call& call) {
  const std::string_view mode = call.request.query_value("mode").value_or("reset");
  if (mode == "add") return QuotaUpdate::add;
  if (mode == "reset") return QuotaUpdate::reset;
  return fail(ErrorCode::invalid_argument, "mode: expected add or reset");
}

// Two numbers of the body; one that is missing is 0, and none is negative.
Result<std::pair<std::int64_t, std::int64_t>> numbers(const Call& call, const char* first, const char* second) {
  const auto body = parse_object(call.request.body);
  if (!body) return fail(body.error());
  std::int64_t values[2] = {0, 0};
  const char* const names[2] = {first, second};
  for (int i = 0; i < 2; ++i) {
    const auto found = body->find(names[i]);
    if (found == body->end()) continue;
    const bool integer = found->is_number_integer() &&
                         (!found->is_number_unsigned() || found->get<std::uint64_t>() <= std::uint64_t{INT64_MAX});
    if (!integer) return fail(ErrorCode::invalid_argument, std::string(names[i]) + ": an integer expected");
    values[i] = found->get<std::int64_t>();
    if (values[i] < 0) {
      return fail(ErrorCode::invalid_argument, std::string(names[i]) + ": negative");
    }
  }
  return std::pair(values[0], values[1]);
}

struct Wanted {
  QuotaUpdate mode = QuotaUpdate::reset;
  std::int64_t first = 0, second = 0;
};

Result<Wanted> read(const Call& call, const char* first, const char* second) {
  const auto mode = mode_of(call);
  if (!mode) return fail(mode.error());
  const auto values = numbers(call, first, second);
  if (!values) return fail(values.error());
  return Wanted{*mode, values->first, values->second};
}

bool limits_transfers(const model::User& user) {
  return user.upload_data_transfer > 0 || user.download_data_transfer > 0 || user.total_data_transfer > 0;
}

http::Response answer(const Result<void>& done, int status, std::string_view message) {
  if (done) return api_response(status, message);
  if (done.error().code == ErrorCode::conflict) return being_scanned();
  return error_response(done.error());
}

json scan_json(const char* key, const session::RunningScan& scan) {
  return {{key, scan.name}, {"start_time", scan.start_time}};
}

}  // namespace

http::Response list_user_scans(const Call& call) {
  json out = json::array();
  for (const session::RunningScan& scan : call.api.sessions.scans->users()) {
    if (limited_by_role(call.admin()) && scan.role != call.admin().role) continue;
    out.push_back(scan_json("username", scan));
  }
  return json_response(200, out);
}

http::Response list_folder_scans(const Call& call) {
  json out = json::array();
  for (const session::RunningScan& scan : call.api.sessions.scans->folders()) out.push_back(scan_json("name", scan));
  return json_response(200, out);
}

http::Response scan_user(const Call& call) {
  if (auto refused = not_tracked(call)) return std::move(*refused);
  const auto user = named_user(call);
  if (!user) return error_response(user.error());
  // Its home may be its group's.
  auto effective = call.api.accounts.provider().effective_user((*user)->username);
  if (!effective) return error_response(effective.error());
  return answer(call.api.sessions.scans->start_user(std::move(*effective)), 202, "Scan started");
}

http::Response scan_folder(const Call& call) {
  if (auto refused = not_tracked(call)) return std::move(*refused);
  auto folder = call.api.accounts.provider().folder(call.name("name"));
  if (!folder) return error_response(folder.error());
  return answer(call.api.sessions.scans->start_folder(std::move(*folder)), 202, "Scan started");
}

http::Response update_user_usage(const Call& call) {
  if (auto refused = not_tracked(call)) return std::move(*refused);
  const auto wanted = read(call, "used_quota_files", "used_quota_size");
  if (!wanted) return error_response(wanted.error());
  const auto user = named_user(call);
  if (!user) return error_response(user.error());
  const std::string& name = (*user)->username;
  if (call.api.sessions.scans->scans_user(name)) return being_scanned();
  return answer(call.api.sessions.ledger->update_user(name, {wanted->first, wanted->second}, wanted->mode), 200,
                "Quota updated");
}

http::Response update_user_transfer(const Call& call) {
  if (auto refused = not_tracked(call)) return std::move(*refused);
  const auto wanted = read(call, "used_upload_data_transfer", "used_download_data_transfer");
  if (!wanted) return error_response(wanted.error());
  const auto user = named_user(call);
  if (!user) return error_response(user.error());
  if (wanted->mode == QuotaUpdate::add && !limits_transfers(**user)) {
    return api_response(400, "", "the user has no transfer quota: mode add has nothing to add to");
  }
  return answer(
      call.api.sessions.ledger->update_transfer((*user)->username, {wanted->first, wanted->second}, wanted->mode), 200,
      "Quota updated");
}

http::Response update_folder_usage(const Call& call) {
  if (auto refused = not_tracked(call)) return std::move(*refused);
  const auto wanted = read(call, "used_quota_files", "used_quota_size");
  if (!wanted) return error_response(wanted.error());
  const std::string name = call.name("name");
  const auto folder = call.api.accounts.provider().folder(name);
  if (!folder) return error_response(folder.error());
  if (auto may = RoleView(call).may_change(*folder); !may) return error_response(may.error());
  if (call.api.sessions.scans->scans_folder(name)) return being_scanned();
  return answer(call.api.sessions.ledger->update_folder(name, {wanted->first, wanted->second}, wanted->mode), 200,
                "Quota updated");
}

}  // namespace ferry::rest
