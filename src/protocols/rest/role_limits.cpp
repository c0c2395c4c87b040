#include "protocols/rest/role_limits.h"

#include <algorithm>

namespace ferry::rest {

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

RoleView::RoleView(const Call& call) : limited_(limited_by_role(call.admin())) {
  if (!limited_) return;
  auto role = call.api.accounts.provider().role(call.admin().role);
  if (role) users_ = std::move(role->users);
}

model::Folder RoleView::of(model::Folder folder) const {
  hide_others(folder.users);
  return folder;
}

model::Group RoleView::of(model::Group group) const {
  hide_others(group.users);
  if (limited_) group.admins.clear();
  return group;
}

void RoleView::hide_others(std::vector<std::string>& users) const {
  if (limited_)
    std::erase_if(users, [this](const std::string& name) { return !std::ranges::binary_search(users_, name); });
}

}  // namespace ferry::rest
