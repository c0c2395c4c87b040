#include "model/effective_user.h"
#include "store/memory/engine.h"

namespace ferry::store::memory {

Result<model::UserPtr> Engine::user(std::string_view name) {
  std::shared_lock lock(mutex_);
  const auto found = users_.find(name);
  if (found == users_.end()) return fail_missing("user", name);
  return shown(found->second);
}

Result<model::UserPtr> Engine::effective_user(std::string_view name) {
  std::shared_lock lock(mutex_);
  const auto found = users_.find(name);
  if (found == users_.end()) return fail_missing("user", name);
  if (found->second->groups.empty()) return shown(found->second);
  std::vector<model::Group> groups;
  for (const model::GroupMapping& mapping : found->second->groups) {
    const auto group = groups_.find(mapping.name);
    if (group != groups_.end()) groups.push_back(shown(group->second));
  }
  auto effective = model::effective_user(*shown(found->second), groups);
  if (!effective) return fail(std::move(effective.error()));
  return std::make_shared<const model::User>(std::move(*effective));
}

Result<std::vector<model::UserPtr>> Engine::users(Page page) {
  std::shared_lock lock(mutex_);
  std::vector<model::UserPtr> list;
  for_page(users_, page, [&](const model::UserPtr& user) { list.push_back(shown(user)); });
  return list;
}

Result<std::vector<model::UserPtr>> Engine::users_of_role(std::string_view role, Page page) {
  std::shared_lock lock(mutex_);
  Table<model::UserPtr> members;
  for (const std::string& name : role_users_.of(role)) members[name] = users_.find(name)->second;
  std::vector<model::UserPtr> list;
  for_page(members, page, [&](const model::UserPtr& user) { list.push_back(shown(user)); });
  return list;
}

Result<model::UserPtr> Engine::add_user(model::User user, Origin origin) {
  std::unique_lock lock(mutex_);
  if (users_.contains(user.username)) return fail_exists("user", user.username);
  if (const auto mounts = check_mounts(user.virtual_folders); !mounts) return fail(mounts.error());
  if (const auto known = check_references(user); !known) return fail(known.error());
  set_store_fields(user, origin);
  user.id = ++last_id_;
  return shown(put(std::move(user)));
}

Result<model::UserPtr> Engine::change_user(std::string_view name, const Change<model::User>& change) {
  std::unique_lock lock(mutex_);
  const auto found = users_.find(name);
  if (found == users_.end()) return fail_missing("user", name);
  const model::UserPtr stored = found->second;
  model::User user = *shown(stored);
  if (const auto changed = change(user); !changed) return fail(changed.error());
  if (const auto mounts = check_mounts(user.virtual_folders); !mounts) return fail(mounts.error());
  if (const auto known = check_references(user); !known) return fail(known.error());
  restore_store_fields(user, *stored);
  user.updated_at = now_ms();
  unlink(*stored);
  return shown(put(std::move(user)));
}

Result<void> Engine::delete_user(std::string_view name) {
  std::unique_lock lock(mutex_);
  const auto found = users_.find(name);
  if (found == users_.end()) return fail_missing("user", name);
  unlink(*found->second);
  drop_keys_of(name, "");
  users_.erase(found);
  return {};
}

Result<void> Engine::set_user_last_login(std::string_view name, std::int64_t when) {
  return edit_user(name, [&](model::User& user) { user.last_login = when; });
}

Result<bool> Engine::note_first_transfer(std::string_view name, bool upload, std::int64_t when) {
  bool first = false;
  const Result<void> edited = edit_user(name, [&](model::User& user) {
    std::int64_t& noted = upload ? user.first_upload : user.first_download;
    first = noted == 0;
    if (first) noted = when;
  });
  if (!edited) return fail(edited.error());
  return first;
}

model::UserPtr Engine::shown(const model::UserPtr& stored) const {
  if (stored->virtual_folders.empty()) return stored;
  auto user = std::make_shared<model::User>(*stored);
  user->virtual_folders = with_details(std::move(user->virtual_folders));
  return user;
}

const model::UserPtr& Engine::put(model::User user) {
  for (model::VirtualFolder& mount : user.virtual_folders) {
    mount = mount_only(mount);
    folder_users_.add(mount.name, user.username);
  }
  for (const model::GroupMapping& mapping : user.groups) group_users_.add(mapping.name, user.username);
  if (!user.role.empty()) role_users_.add(user.role, user.username);
  auto& entry = users_[user.username];
  return entry = std::make_shared<const model::User>(std::move(user));
}

void Engine::unlink(const model::User& user) {
  for (const model::VirtualFolder& mount : user.virtual_folders) folder_users_.remove(mount.name, user.username);
  for (const model::GroupMapping& mapping : user.groups) group_users_.remove(mapping.name, user.username);
  role_users_.remove(user.role, user.username);
}

Result<void> Engine::update_user_quota(std::string_view name, QuotaUsage usage, QuotaUpdate how) {
  return edit_user(name, [&](model::User& user) {
    const bool add = how == QuotaUpdate::add;
    user.used_quota_files = add_usage(add ? user.used_quota_files : 0, usage.files);
    user.used_quota_size = add_usage(add ? user.used_quota_size : 0, usage.size);
    user.last_quota_update = now_ms();
  });
}

Result<void> Engine::update_transfer_quota(std::string_view name, TransferUsage usage, QuotaUpdate how) {
  return edit_user(name, [&](model::User& user) {
    const bool add = how == QuotaUpdate::add;
    user.used_upload_data_transfer = add_usage(add ? user.used_upload_data_transfer : 0, usage.upload);
    user.used_download_data_transfer = add_usage(add ? user.used_download_data_transfer : 0, usage.download);
    user.last_quota_update = now_ms();
  });
}

Result<QuotaUsage> Engine::user_quota(std::string_view name) {
  std::shared_lock lock(mutex_);
  const auto found = users_.find(name);
  if (found == users_.end()) return fail_missing("user", name);
  return QuotaUsage{found->second->used_quota_files, found->second->used_quota_size};
}

Result<TransferUsage> Engine::transfer_quota(std::string_view name) {
  std::shared_lock lock(mutex_);
  const auto found = users_.find(name);
  if (found == users_.end()) return fail_missing("user", name);
  return TransferUsage{found->second->used_upload_data_transfer, found->second->used_download_data_transfer};
}

}  // namespace ferry::store::memory
