#include "protocols/rest/role_limits.h"

#include <algorithm>

#include "base/protected_paths.h"

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

Result<void> check_bounds(const Call& call, const std::vector<std::string>& wanted,
                          const std::vector<std::string>& had) {
  const ProtectedPaths* paths = call.api.accounts.protected_paths();
  if (!limited_by_role(call.admin()) || paths == nullptr) return {};
  for (const std::string& path : wanted) {
    if (path.empty() || std::ranges::find(had, path) != had.end() || paths->is_in_base(path)) continue;
    return fail(ErrorCode::permission_denied, "administrators with a role use directories below users_base_dir alone");
  }
  return {};
}

Result<void> check_bounds(const Call& call, const model::User& user, const model::User* old) {
  if (!limited_by_role(call.admin())) return {};
  const auto wanted = call.api.accounts.places(user);
  if (!wanted) return fail(wanted.error());
  std::vector<std::string> had;
  if (old != nullptr) had = call.api.accounts.places(*old).value_or(std::vector<std::string>());
  return check_bounds(call, *wanted, had);
}

namespace {

// Home and folders as they are named, with their placeholders.
Result<std::vector<std::string>> places_of(const Call& call, const model::Group& group) {
  std::vector<std::string> places{group.user_settings.home_dir};
  for (const model::VirtualFolder& mount : group.virtual_folders) {
    const auto folder = call.api.accounts.provider().folder(call.api.accounts.stored_name(mount.name));
    if (!folder && folder.error().code != ErrorCode::not_found) return fail(folder.error());
    if (folder) places.push_back(folder->mapped_path);
  }
  return places;
}

}  // namespace

Result<void> check_bounds(const Call& call, const model::Group& group, const model::Group* old) {
  if (!limited_by_role(call.admin())) return {};
  const auto wanted = places_of(call, group);
  if (!wanted) return fail(wanted.error());
  std::vector<std::string> had;
  if (old != nullptr) had = places_of(call, *old).value_or(std::vector<std::string>());
  return check_bounds(call, *wanted, had);
}

std::optional<http::Response> objection_to_role(const Call& call, const std::string& role) {
  if (role.empty()) return std::nullopt;
  const auto known = call.api.accounts.provider().role(call.api.accounts.stored_name(role));
  if (known || known.error().code != ErrorCode::not_found) return std::nullopt;
  return api_response(409, "", "role: role \"" + role + "\" does not exist");
}

RoleView::RoleView(const Call& call) : call_(call), limited_(limited_by_role(call.admin())) {
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

bool RoleView::is_ours(const std::vector<std::string>& users) const {
  return !limited_ || std::ranges::all_of(
                          users, [this](const std::string& name) { return std::ranges::binary_search(users_, name); });
}

Result<void> RoleView::may_change(const model::Group& group) const {
  const auto other = [this](const std::string& name) { return name != call_.admin().username; };
  if (is_ours(group.users) && (!limited_ || std::ranges::none_of(group.admins, other))) return {};
  return fail(ErrorCode::permission_denied, "the group is also used beyond the role");
}

Result<void> RoleView::may_change(const model::Folder& folder) const {
  const auto beyond = [] { return fail(ErrorCode::permission_denied, "the folder is also used beyond the role"); };
  if (!is_ours(folder.users)) return beyond();
  for (const std::string& name : folder.groups) {
    if (!limited_) break;
    const auto group = call_.api.accounts.provider().group(name);
    if (!group) return fail(group.error());
    if (!may_change(*group)) return beyond();
  }
  return {};
}

void RoleView::hide_others(std::vector<std::string>& users) const {
  if (limited_)
    std::erase_if(users, [this](const std::string& name) { return !std::ranges::binary_search(users_, name); });
}

}  // namespace ferry::rest
