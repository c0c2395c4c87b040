#include "store/memory/engine.h"

namespace ferry::store::memory {

Result<model::AdminPtr> Engine::admin(std::string_view name) {
  std::shared_lock lock(mutex_);
  const auto found = admins_.find(name);
  if (found == admins_.end()) return fail_missing("admin", name);
  return found->second;
}

Result<std::vector<model::AdminPtr>> Engine::admins(Page page) {
  std::shared_lock lock(mutex_);
  std::vector<model::AdminPtr> list;
  for_page(admins_, page, [&](const model::AdminPtr& admin) { list.push_back(admin); });
  return list;
}

Result<model::AdminPtr> Engine::add_admin(model::Admin admin, Origin origin) {
  std::unique_lock lock(mutex_);
  return insert(std::move(admin), origin);
}

Result<model::AdminPtr> Engine::add_first_admin(model::Admin admin) {
  std::unique_lock lock(mutex_);
  if (!admins_.empty()) return fail(ErrorCode::conflict, "there is an administrator already");
  return insert(std::move(admin), Origin::client);
}

Result<model::AdminPtr> Engine::change_admin(std::string_view name, const Change<model::Admin>& change) {
  std::unique_lock lock(mutex_);
  const auto found = admins_.find(name);
  if (found == admins_.end()) return fail_missing("admin", name);
  const model::AdminPtr stored = found->second;
  model::Admin admin = *stored;
  if (const auto changed = change(admin); !changed) return fail(changed.error());
  if (const auto known = check_references(admin); !known) return fail(known.error());
  restore_store_fields(admin, *stored);
  admin.updated_at = now_ms();
  unlink(*stored);
  return put(std::move(admin));
}

Result<void> Engine::delete_admin(std::string_view name) {
  std::unique_lock lock(mutex_);
  const auto found = admins_.find(name);
  if (found == admins_.end()) return fail_missing("admin", name);
  unlink(*found->second);
  drop_keys_of("", name);
  admins_.erase(found);
  return {};
}

Result<bool> Engine::has_admin() {
  std::shared_lock lock(mutex_);
  return !admins_.empty();
}

Result<void> Engine::set_admin_last_login(std::string_view name, std::int64_t when) {
  std::unique_lock lock(mutex_);
  const auto found = admins_.find(name);
  if (found == admins_.end()) return fail_missing("admin", name);
  model::Admin admin = *found->second;
  admin.last_login = when;
  found->second = std::make_shared<const model::Admin>(std::move(admin));
  return {};
}

Result<model::AdminPtr> Engine::insert(model::Admin admin, Origin origin) {
  if (admins_.contains(admin.username)) return fail_exists("admin", admin.username);
  if (const auto known = check_references(admin); !known) return fail(known.error());
  set_store_fields(admin, origin);
  admin.id = ++last_id_;
  return put(std::move(admin));
}

const model::AdminPtr& Engine::put(model::Admin admin) {
  for (const model::AdminGroupMapping& mapping : admin.groups) group_admins_.add(mapping.name, admin.username);
  if (!admin.role.empty()) role_admins_.add(admin.role, admin.username);
  auto& entry = admins_[admin.username];
  return entry = std::make_shared<const model::Admin>(std::move(admin));
}

void Engine::unlink(const model::Admin& admin) {
  for (const model::AdminGroupMapping& mapping : admin.groups) group_admins_.remove(mapping.name, admin.username);
  role_admins_.remove(admin.role, admin.username);
}

}  // namespace ferry::store::memory
