#include "store/memory/engine.h"

namespace ferry::store::memory {

Result<model::Folder> Engine::folder(std::string_view name) {
  std::shared_lock lock(mutex_);
  const auto found = folders_.find(name);
  if (found == folders_.end()) return fail_missing("folder", name);
  return shown(found->second);
}

Result<std::vector<model::Folder>> Engine::folders(Page page) {
  std::shared_lock lock(mutex_);
  std::vector<model::Folder> list;
  for_page(folders_, page, [&](const model::Folder& folder) { list.push_back(shown(folder)); });
  return list;
}

Result<model::Folder> Engine::add_folder(model::Folder folder, Origin origin) {
  std::unique_lock lock(mutex_);
  if (folders_.contains(folder.name)) return fail_exists("folder", folder.name);
  set_store_fields(folder, origin);
  folder.id = ++last_id_;
  return folders_[folder.name] = std::move(folder);
}

Result<model::Folder> Engine::change_folder(std::string_view name, const Change<model::Folder>& change) {
  std::unique_lock lock(mutex_);
  const auto found = folders_.find(name);
  if (found == folders_.end()) return fail_missing("folder", name);
  model::Folder folder = shown(found->second);
  if (const auto changed = change(folder); !changed) return fail(changed.error());
  restore_store_fields(folder, found->second);
  found->second = std::move(folder);
  return shown(found->second);
}

Result<void> Engine::delete_folder(std::string_view name) {
  std::unique_lock lock(mutex_);
  const auto found = folders_.find(name);
  if (found == folders_.end()) return fail_missing("folder", name);
  const auto of_it = [&](const model::VirtualFolder& mount) { return mount.name == name; };
  for (const std::string& username : folder_users_.of(name)) {
    model::User user = *users_.find(username)->second;
    std::erase_if(user.virtual_folders, of_it);
    users_[username] = std::make_shared<const model::User>(std::move(user));
    folder_users_.remove(found->first, username);
  }
  for (const std::string& group : folder_groups_.of(name)) {
    std::erase_if(groups_[group].virtual_folders, of_it);
    folder_groups_.remove(found->first, group);
  }
  folders_.erase(found);
  return {};
}

model::Folder Engine::shown(model::Folder stored) const {
  stored.users = folder_users_.of(stored.name);
  stored.groups = folder_groups_.of(stored.name);
  return stored;
}

std::vector<model::VirtualFolder> Engine::with_details(std::vector<model::VirtualFolder> mounts) const {
  for (model::VirtualFolder& mount : mounts) mount = mounted(std::move(mount), folders_.find(mount.name)->second);
  return mounts;
}

Result<void> Engine::check_mounts(const std::vector<model::VirtualFolder>& mounts) const {
  for (const model::VirtualFolder& mount : mounts) {
    if (!folders_.contains(mount.name)) return fail_reference("virtual_folders", "folder", mount.name);
  }
  return {};
}

Result<void> Engine::update_folder_quota(std::string_view name, QuotaUsage usage, QuotaUpdate how) {
  std::unique_lock lock(mutex_);
  const auto found = folders_.find(name);
  if (found == folders_.end()) return fail_missing("folder", name);
  model::Folder& folder = found->second;
  const bool add = how == QuotaUpdate::add;
  folder.used_quota_files = add_usage(add ? folder.used_quota_files : 0, usage.files);
  folder.used_quota_size = add_usage(add ? folder.used_quota_size : 0, usage.size);
  folder.last_quota_update = now_ms();
  return {};
}

Result<QuotaUsage> Engine::folder_quota(std::string_view name) {
  std::shared_lock lock(mutex_);
  const auto found = folders_.find(name);
  if (found == folders_.end()) return fail_missing("folder", name);
  return QuotaUsage{found->second.used_quota_files, found->second.used_quota_size};
}

}  // namespace ferry::store::memory
