// Administrators. Nobody can lock himself out: the own account cannot be deleted, disabled or limited here.
#include <nlohmann/json.hpp>
#include <utility>

#include "protocols/rest/operations.h"
#include "protocols/rest/role_limits.h"

namespace ferry::rest {

namespace {

using nlohmann::json;

Result<model::Admin> read_admin(const Call& call) {
  const auto body = parse_object(call.request.body);
  if (!body) return fail(body.error());
  return model::admin_from_json(*body);
}

}  // namespace

std::string_view objection_to_own_change(const model::Admin& self, const model::Admin& wanted) {
  if (wanted.status != 1) return "you cannot disable yourself";
  if (!wanted.may("*")) return "you cannot remove these permissions from yourself";
  if (wanted.role != self.role) return "you cannot change your own role";
  return {};
}

http::Response list_admins(const Call& call) {
  const auto page = parse_page(call.request);
  if (!page) return error_response(page.error());
  const auto admins = call.api.accounts.provider().admins(*page);
  if (!admins) return error_response(admins.error());
  json out = json::array();
  for (const model::AdminPtr& admin : *admins) out.push_back(model::to_json(*admin, model::View::answer));
  return json_response(200, out);
}

http::Response add_admin(const Call& call) {
  auto admin = read_admin(call);
  if (!admin) return error_response(admin.error());
  if (auto unknown = objection_to_role(call, admin->role)) return std::move(*unknown);
  const auto stored = call.api.accounts.add_admin(std::move(*admin));
  if (!stored) return error_response(stored.error());
  return created("admins", (*stored)->username, model::to_json(**stored, model::View::answer));
}

http::Response get_admin(const Call& call) {
  const auto admin = call.api.accounts.provider().admin(call.name("username"));
  return admin ? json_response(200, model::to_json(**admin, model::View::answer)) : error_response(admin.error());
}

http::Response update_admin(const Call& call) {
  const std::string name = call.name("username");
  const auto old = call.api.accounts.provider().admin(name);
  if (!old) return error_response(old.error());
  auto admin = read_admin(call);
  if (!admin) return error_response(admin.error());
  if (name == call.admin().username) {
    const std::string_view why_not = objection_to_own_change(call.admin(), *admin);
    if (!why_not.empty()) return api_response(400, "", why_not);
  }
  if (auto unknown = objection_to_role(call, admin->role)) return std::move(*unknown);
  const auto stored = call.api.accounts.update_admin(name, std::move(*admin));
  return stored ? api_response(200, "Admin updated") : error_response(stored.error());
}

http::Response delete_admin(const Call& call) {
  const std::string name = call.name("username");
  if (name == call.admin().username) return api_response(400, "", "you cannot delete yourself");
  const auto deleted = call.api.accounts.provider().delete_admin(name);
  return deleted ? api_response(200, "Admin deleted") : error_response(deleted.error());
}

}  // namespace ferry::rest
