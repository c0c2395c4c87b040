// Users. An administrator with a role sees and changes the users of that role only.
#include <nlohmann/json.hpp>

#include "protocols/rest/operations.h"

namespace ferry::rest {

namespace {

using model::UserPtr;
using nlohmann::json;

bool is_visible(const model::Admin& admin, const model::User& user) {
  return !limited_by_role(admin) || admin.role == user.role;
}

// The user of the path. One of another role is answered exactly as one that does not exist.
Result<UserPtr> find(const Call& call) {
  auto user = call.api.accounts.provider().user(call.name("username"));
  const bool missing = user ? !is_visible(call.admin(), **user) : user.error().code == ErrorCode::not_found;
  if (missing) return fail(ErrorCode::not_found, "no such user");
  return user;
}

// The page as this administrator counts it. The provider knows no roles, so all users are looked through.
Result<std::vector<UserPtr>> users_of_role(store::Provider& provider, const std::string& role, store::Page page) {
  std::vector<UserPtr> out;
  store::Page all{.limit = 500, .offset = 0, .descending = page.descending};
  for (std::size_t skipped = 0; out.size() < page.limit; all.offset += all.limit) {
    const auto some = provider.users(all);
    if (!some) return fail(some.error());
    for (const UserPtr& user : *some) {
      if (user->role != role || (skipped < page.offset && ++skipped)) continue;
      if (out.size() < page.limit) out.push_back(user);
    }
    if (some->size() < all.limit) break;
  }
  return out;
}

Result<model::User> read_user(const Call& call) {
  const auto body = parse_object(call.request.body);
  if (!body) return fail(body.error());
  auto user = model::user_from_json(*body);
  if (user && limited_by_role(call.admin())) user->role = call.admin().role;
  return user;
}

bool may_still_be_connected(const model::User& user) {
  return user.status == 1 && (user.expiration_date == 0 || user.expiration_date > store::now_ms());
}

}  // namespace

http::Response list_users(const Call& call) {
  const auto page = parse_page(call.request);
  if (!page) return error_response(page.error());
  store::Provider& provider = call.api.accounts.provider();
  const auto users =
      limited_by_role(call.admin()) ? users_of_role(provider, call.admin().role, *page) : provider.users(*page);
  if (!users) return error_response(users.error());
  json out = json::array();
  for (const UserPtr& user : *users) out.push_back(model::to_json(*user, model::View::answer));
  return json_response(200, out);
}

http::Response add_user(const Call& call) {
  auto user = read_user(call);
  if (!user) return error_response(user.error());
  const auto stored = call.api.accounts.add_user(std::move(*user));
  if (!stored) return error_response(stored.error());
  return created("users", (*stored)->username, model::to_json(**stored, view_for(call)));
}

http::Response get_user(const Call& call) {
  const auto user = find(call);
  return user ? json_response(200, model::to_json(**user, view_for(call))) : error_response(user.error());
}

http::Response update_user(const Call& call) {
  const auto disconnect = call.request.query_value("disconnect").value_or("0");
  if (disconnect != "0" && disconnect != "1") return api_response(400, "", "disconnect: 0 or 1 expected");
  const auto old = find(call);
  if (!old) return error_response(old.error());
  auto user = read_user(call);
  if (!user) return error_response(user.error());
  const auto stored = call.api.accounts.update_user((*old)->username, std::move(*user));
  if (!stored) return error_response(stored.error());
  // Authority ends with the account, whether the caller thought of it or not.
  if (disconnect == "1" || !may_still_be_connected(**stored)) call.api.registry->close_user((*stored)->username);
  return api_response(200, "User updated");
}

http::Response delete_user(const Call& call) {
  const auto user = find(call);
  if (!user) return error_response(user.error());
  const auto deleted = call.api.accounts.provider().delete_user((*user)->username);
  if (!deleted) return error_response(deleted.error());
  call.api.registry->close_user((*user)->username);
  return api_response(200, "User deleted");
}

}  // namespace ferry::rest
