#include "store/memory/engine.h"

namespace ferry::store::memory {

Result<model::Role> Engine::role(std::string_view name) {
  std::shared_lock lock(mutex_);
  const auto found = roles_.find(name);
  if (found == roles_.end()) return fail_missing("role", name);
  return shown(found->second);
}

Result<std::vector<model::Role>> Engine::roles(Page page) {
  std::shared_lock lock(mutex_);
  std::vector<model::Role> list;
  for_page(roles_, page, [&](const model::Role& role) { list.push_back(shown(role)); });
  return list;
}

Result<model::Role> Engine::add_role(model::Role role, Origin origin) {
  std::unique_lock lock(mutex_);
  if (roles_.contains(role.name)) return fail_exists("role", role.name);
  set_store_fields(role, origin);
  role.id = ++last_id_;
  return roles_[role.name] = std::move(role);
}

Result<model::Role> Engine::change_role(std::string_view name, const Change<model::Role>& change) {
  std::unique_lock lock(mutex_);
  const auto found = roles_.find(name);
  if (found == roles_.end()) return fail_missing("role", name);
  model::Role role = shown(found->second);
  if (const auto changed = change(role); !changed) return fail(changed.error());
  restore_store_fields(role, found->second);
  role.updated_at = now_ms();
  found->second = std::move(role);
  return shown(found->second);
}

Result<void> Engine::delete_role(std::string_view name) {
  std::unique_lock lock(mutex_);
  const auto found = roles_.find(name);
  if (found == roles_.end()) return fail_missing("role", name);
  if (role_admins_.any(name)) return fail_in_use("role", name, "administrators");
  for (const std::string& username : role_users_.of(name)) {
    model::User user = *users_.find(username)->second;
    user.role.clear();
    users_[username] = std::make_shared<const model::User>(std::move(user));
    role_users_.remove(found->first, username);
  }
  roles_.erase(found);
  return {};
}

model::Role Engine::shown(model::Role stored) const {
  stored.users = role_users_.of(stored.name);
  stored.admins = role_admins_.of(stored.name);
  return stored;
}

}  // namespace ferry::store::memory
