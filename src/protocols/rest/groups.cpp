// Groups: settings that their users inherit. Who is logged in keeps the settings of the login.
#include <nlohmann/json.hpp>

#include "protocols/rest/operations.h"
#include "protocols/rest/role_limits.h"

namespace ferry::rest {

namespace {

using nlohmann::json;

json shown(const Call& call, const model::Group& group) {
  return model::to_json(RoleView(call).of(group), view_for(call));
}

Result<model::Group> read_group(const Call& call) {
  const auto body = parse_object(call.request.body);
  if (!body) return fail(body.error());
  return model::group_from_json(*body);
}

// The group of the path, if this administrator may change it.
Result<model::Group> changeable_group(const Call& call) {
  auto group = call.api.accounts.provider().group(call.name("name"));
  if (!group) return group;
  if (auto may = RoleView(call).may_change(*group); !may) return fail(may.error());
  return group;
}

}  // namespace

http::Response list_groups(const Call& call) {
  const auto page = parse_page(call.request);
  if (!page) return error_response(page.error());
  const auto groups = call.api.accounts.provider().groups(*page);
  if (!groups) return error_response(groups.error());
  const RoleView view(call);
  json out = json::array();
  for (const model::Group& group : *groups) out.push_back(model::to_json(view.of(group), model::View::answer));
  return json_response(200, out);
}

http::Response add_group(const Call& call) {
  auto group = read_group(call);
  if (!group) return error_response(group.error());
  if (auto good = check_bounds(call, *group, nullptr); !good) return error_response(good.error());
  const auto stored = call.api.accounts.add_group(std::move(*group));
  if (!stored) return error_response(stored.error());
  return created("groups", stored->name, shown(call, *stored));
}

http::Response get_group(const Call& call) {
  const auto group = call.api.accounts.provider().group(call.name("name"));
  return group ? json_response(200, shown(call, *group)) : error_response(group.error());
}

http::Response update_group(const Call& call) {
  auto group = read_group(call);
  if (!group) return error_response(group.error());
  const auto old = changeable_group(call);
  if (!old) return error_response(old.error());
  if (auto good = check_bounds(call, *group, &*old); !good) return error_response(good.error());
  const auto stored = call.api.accounts.update_group(old->name, std::move(*group));
  return stored ? api_response(200, "Group updated") : error_response(stored.error());
}

http::Response delete_group(const Call& call) {
  const auto old = changeable_group(call);
  if (!old) return error_response(old.error());
  const auto deleted = call.api.accounts.provider().delete_group(old->name);
  return deleted ? api_response(200, "Group deleted") : error_response(deleted.error());
}

}  // namespace ferry::rest
