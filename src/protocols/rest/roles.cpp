// Roles: for limited administrators. Only those with every permission manage them.
#include <nlohmann/json.hpp>

#include "protocols/rest/operations.h"

namespace ferry::rest {

namespace {

using nlohmann::json;

Result<model::Role> read_role(const Call& call) {
  const auto body = parse_object(call.request.body);
  if (!body) return fail(body.error());
  return model::role_from_json(*body);
}

}  // namespace

http::Response list_roles(const Call& call) {
  const auto page = parse_page(call.request);
  if (!page) return error_response(page.error());
  const auto roles = call.api.accounts.provider().roles(*page);
  if (!roles) return error_response(roles.error());
  json out = json::array();
  for (const model::Role& role : *roles) out.push_back(model::to_json(role, model::View::answer));
  return json_response(200, out);
}

http::Response add_role(const Call& call) {
  auto role = read_role(call);
  if (!role) return error_response(role.error());
  const auto stored = call.api.accounts.add_role(std::move(*role));
  if (!stored) return error_response(stored.error());
  return created("roles", stored->name, model::to_json(*stored, model::View::answer));
}

http::Response get_role(const Call& call) {
  const auto role = call.api.accounts.provider().role(call.name("name"));
  return role ? json_response(200, model::to_json(*role, model::View::answer)) : error_response(role.error());
}

http::Response update_role(const Call& call) {
  auto role = read_role(call);
  if (!role) return error_response(role.error());
  const auto stored = call.api.accounts.update_role(call.name("name"), std::move(*role));
  return stored ? api_response(200, "Role updated") : error_response(stored.error());
}

http::Response delete_role(const Call& call) {
  const auto deleted = call.api.accounts.provider().delete_role(call.name("name"));
  return deleted ? api_response(200, "Role deleted") : error_response(deleted.error());
}

}  // namespace ferry::rest
