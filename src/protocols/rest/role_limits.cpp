#include "protocols/rest/role_limits.h"

namespace ferry::rest {

namespace {

void hide_users(const Call& call, std::vector<std::string>& names) {
  std::erase_if(names, [&](const std::string& name) { return !is_visible(call, name); });
}

}  // namespace

Result<model::UserPtr> visible_user(const Call& call, std::string_view name) {
  auto user = call.api.accounts.provider().user(name);
  const bool missing = user ? limited_by_role(call.admin()) && (*user)->role != call.admin().role
                            : user.error().code == ErrorCode::not_found;
  if (missing) return fail(ErrorCode::not_found, "no such user");
  return user;
}

bool is_visible(const Call& call, std::string_view username) {
  return !limited_by_role(call.admin()) || visible_user(call, username).has_value();
}

Result<std::vector<model::UserPtr>> visible_users(const Call& call, store::Page page) {
  store::Provider& provider = call.api.accounts.provider();
  return limited_by_role(call.admin()) ? provider.users_of_role(call.admin().role, page) : provider.users(page);
}

void take_role(const Call& call, model::User& user) {
  if (limited_by_role(call.admin())) user.role = call.admin().role;
}

void hide_others(const Call& call, model::Folder& folder) {
  if (limited_by_role(call.admin())) hide_users(call, folder.users);
}

void hide_others(const Call& call, model::Group& group) {
  if (!limited_by_role(call.admin())) return;
  hide_users(call, group.users);
  group.admins.clear();
}

}  // namespace ferry::rest
