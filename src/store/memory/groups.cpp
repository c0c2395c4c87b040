#include "store/memory/engine.h"

namespace ferry::store::memory {

Result<model::Group> Engine::group(std::string_view name) {
  std::shared_lock lock(mutex_);
  const auto found = groups_.find(name);
  if (found == groups_.end()) return fail_missing("group", name);
  return shown(found->second);
}

Result<std::vector<model::Group>> Engine::groups(Page page) {
  std::shared_lock lock(mutex_);
  std::vector<model::Group> list;
  for_page(groups_, page, [&](const model::Group& group) { list.push_back(shown(group)); });
  return list;
}

Result<model::Group> Engine::add_group(model::Group group, Origin origin) {
  std::unique_lock lock(mutex_);
  if (groups_.contains(group.name)) return fail_exists("group", group.name);
  if (const auto mounts = check_mounts(group.virtual_folders); !mounts) return fail(mounts.error());
  set_store_fields(group, origin);
  group.id = ++last_id_;
  for (model::VirtualFolder& mount : group.virtual_folders) {
    mount = mount_only(mount);
    folder_groups_.add(mount.name, group.name);
  }
  return shown(groups_[group.name] = std::move(group));
}

Result<model::Group> Engine::change_group(std::string_view name, const Change<model::Group>& change) {
  std::unique_lock lock(mutex_);
  const auto found = groups_.find(name);
  if (found == groups_.end()) return fail_missing("group", name);
  model::Group group = shown(found->second);
  if (const auto changed = change(group); !changed) return fail(changed.error());
  if (const auto mounts = check_mounts(group.virtual_folders); !mounts) return fail(mounts.error());
  restore_store_fields(group, found->second);
  group.updated_at = now_ms();
  unlink(found->second);
  for (model::VirtualFolder& mount : group.virtual_folders) {
    mount = mount_only(mount);
    folder_groups_.add(mount.name, group.name);
  }
  found->second = std::move(group);
  return shown(found->second);
}

Result<void> Engine::delete_group(std::string_view name) {
  std::unique_lock lock(mutex_);
  const auto found = groups_.find(name);
  if (found == groups_.end()) return fail_missing("group", name);
  if (group_users_.any(name)) return fail_in_use("group", name, "users");
  for (const std::string& username : group_admins_.of(name)) {
    model::Admin admin = *admins_.find(username)->second;
    std::erase_if(admin.groups, [&](const model::AdminGroupMapping& mapping) { return mapping.name == name; });
    admins_[username] = std::make_shared<const model::Admin>(std::move(admin));
    group_admins_.remove(found->first, username);
  }
  unlink(found->second);
  groups_.erase(found);
  return {};
}

model::Group Engine::shown(model::Group stored) const {
  stored.virtual_folders = with_details(std::move(stored.virtual_folders));
  stored.users = group_users_.of(stored.name);
  stored.admins = group_admins_.of(stored.name);
  return stored;
}

void Engine::unlink(const model::Group& group) {
  for (const model::VirtualFolder& mount : group.virtual_folders) folder_groups_.remove(mount.name, group.name);
}

}  // namespace ferry::store::memory
