// Users. An administrator with a role sees and changes the users of that role only.
#include <nlohmann/json.hpp>

#include "base/expiry_clock.h"
#include "protocols/rest/operations.h"
#include "protocols/rest/role_limits.h"

namespace ferry::rest {

namespace {

using model::UserPtr;
using nlohmann::json;

struct GivenUser {
  model::User user;
  // Of an update: a password that is left out or null stays as it is, "" removes it.
  store::Accounts::NoPassword no_password = store::Accounts::NoPassword::keeps;
};

Result<GivenUser> read_user(const Call& call) {
  const auto body = parse_object(call.request.body);
  if (!body) return fail(body.error());
  auto user = model::user_from_json(*body);
  if (!user) return fail(user.error());
  take_role(call, *user);
  GivenUser given{.user = std::move(*user)};
  const auto password = body->find("password");
  if (password != body->end() && *password == "") given.no_password = store::Accounts::NoPassword::removes;
  return given;
}

// With its password's hash for who may see everything.
json shown(const Call& call, const model::User& user) {
  const model::View view = view_for(call);
  json out = model::to_json(user, view);
  if (view == model::View::confidential && user.has_password()) out["password"] = user.password;
  return out;
}

bool may_still_be_connected(const model::User& user) {
  return user.status == 1 && (user.expiration_date == 0 || user.expiration_date > expiry_now_ms());
}

}  // namespace

http::Response list_users(const Call& call) {
  const auto page = parse_page(call.request);
  if (!page) return error_response(page.error());
  const auto users = visible_users(call, *page);
  if (!users) return error_response(users.error());
  json out = json::array();
  for (const UserPtr& user : *users) out.push_back(model::to_json(*user, model::View::answer));
  return json_response(200, out);
}

http::Response add_user(const Call& call) {
  auto given = read_user(call);
  if (!given) return error_response(given.error());
  if (auto good = check_bounds(call, given->user, nullptr); !good) return error_response(good.error());
  if (auto unknown = objection_to_role(call, given->user.role)) return std::move(*unknown);
  const auto stored = call.api.accounts.add_user(std::move(given->user));
  if (!stored) return error_response(stored.error());
  return created("users", (*stored)->username, shown(call, **stored));
}

http::Response get_user(const Call& call) {
  const auto user = visible_user(call, call.name("username"));
  return user ? json_response(200, shown(call, **user)) : error_response(user.error());
}

http::Response update_user(const Call& call) {
  const auto disconnect = call.request.query_value("disconnect").value_or("0");
  if (disconnect != "0" && disconnect != "1") return api_response(400, "", "disconnect: 0 or 1 expected");
  const auto old = visible_user(call, call.name("username"));
  if (!old) return error_response(old.error());
  auto given = read_user(call);
  if (!given) return error_response(given.error());
  given->user.username = (*old)->username;
  if (auto good = check_bounds(call, given->user, old->get()); !good) return error_response(good.error());
  if (auto unknown = objection_to_role(call, given->user.role)) return std::move(*unknown);
  const auto stored = call.api.accounts.update_user((*old)->username, std::move(given->user), given->no_password);
  if (!stored) return error_response(stored.error());
  // Authority ends with the account, whether the caller thought of it or not.
  if (disconnect == "1" || !may_still_be_connected(**stored))
    call.api.sessions.registry->close_user((*stored)->username);
  return api_response(200, "User updated");
}

http::Response delete_user(const Call& call) {
  const auto user = visible_user(call, call.name("username"));
  if (!user) return error_response(user.error());
  const auto deleted = call.api.accounts.provider().delete_user((*user)->username);
  if (!deleted) return error_response(deleted.error());
  call.api.sessions.registry->close_user((*user)->username);
  return api_response(200, "User deleted");
}

}  // namespace ferry::rest
