#include "store/memory/memory_provider.h"

#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>

#include "store/kept.h"

namespace ferry::store {

namespace {

template <class Value>
using Table = std::map<std::string, Value, std::less<>>;  // ordered by name, as bytes

// Calls `take(name, value)` for the entries of a page.
template <class Value, class Take>
void for_page(const Table<Value>& table, Page page, Take take) {
  const auto walk = [&](auto begin, auto end) {
    std::size_t at = 0;
    for (auto entry = begin; entry != end && at < page.offset + page.limit; ++entry, ++at) {
      if (at >= page.offset) take(entry->first, entry->second);
    }
  };
  page.descending ? walk(table.rbegin(), table.rend()) : walk(table.begin(), table.end());
}

class MemoryProvider final : public Provider {
 public:
  std::string_view driver() const override { return "memory"; }
  Result<void> check() override { return {}; }

  Result<model::UserPtr> user(std::string_view name) override {
    std::shared_lock lock(mutex_);
    const auto found = users_.find(name);
    if (found == users_.end()) return fail_missing("user", name);
    return complete(found->second);
  }

  Result<std::vector<model::UserPtr>> users(Page page) override {
    std::shared_lock lock(mutex_);
    std::vector<model::UserPtr> list;
    for_page(users_, page, [&](const std::string&, const model::UserPtr& user) { list.push_back(complete(user)); });
    return list;
  }

  Result<model::UserPtr> add_user(model::User user) override {
    std::unique_lock lock(mutex_);
    if (users_.contains(user.username)) return fail_exists("user", user.username);
    if (const auto mounts = check_mounts(user); !mounts) return fail(mounts.error());
    model::User fresh;
    fresh.id = ++last_id_;
    fresh.username = user.username;
    fresh.created_at = now_ms();
    restore_kept(user, fresh);
    user.updated_at = fresh.created_at;
    return complete(put(std::move(user)));
  }

  Result<model::UserPtr> change_user(std::string_view name, const Change<model::User>& change) override {
    std::unique_lock lock(mutex_);
    const auto found = users_.find(name);
    if (found == users_.end()) return fail_missing("user", name);
    const model::UserPtr stored = found->second;
    model::User user = *complete(stored);
    if (const auto changed = change(user); !changed) return fail(changed.error());
    if (const auto mounts = check_mounts(user); !mounts) return fail(mounts.error());
    restore_kept(user, *stored);
    user.updated_at = now_ms();
    unmount(*stored);
    return complete(put(std::move(user)));
  }

  Result<void> delete_user(std::string_view name) override {
    std::unique_lock lock(mutex_);
    const auto found = users_.find(name);
    if (found == users_.end()) return fail_missing("user", name);
    unmount(*found->second);
    users_.erase(found);
    return {};
  }

  Result<model::AdminPtr> admin(std::string_view name) override {
    std::shared_lock lock(mutex_);
    const auto found = admins_.find(name);
    if (found == admins_.end()) return fail_missing("admin", name);
    return found->second;
  }

  Result<std::vector<model::AdminPtr>> admins(Page page) override {
    std::shared_lock lock(mutex_);
    std::vector<model::AdminPtr> list;
    for_page(admins_, page, [&](const std::string&, const model::AdminPtr& admin) { list.push_back(admin); });
    return list;
  }

  Result<model::AdminPtr> add_admin(model::Admin admin) override {
    std::unique_lock lock(mutex_);
    return insert_admin(std::move(admin));
  }

  Result<model::AdminPtr> add_first_admin(model::Admin admin) override {
    std::unique_lock lock(mutex_);
    if (!admins_.empty()) return fail(ErrorCode::conflict, "there is an administrator already");
    return insert_admin(std::move(admin));
  }

  Result<model::AdminPtr> change_admin(std::string_view name, const Change<model::Admin>& change) override {
    std::unique_lock lock(mutex_);
    const auto found = admins_.find(name);
    if (found == admins_.end()) return fail_missing("admin", name);
    model::Admin admin = *found->second;
    if (const auto changed = change(admin); !changed) return fail(changed.error());
    restore_kept(admin, *found->second);
    admin.updated_at = now_ms();
    return found->second = std::make_shared<const model::Admin>(std::move(admin));
  }

  Result<void> delete_admin(std::string_view name) override {
    std::unique_lock lock(mutex_);
    const auto found = admins_.find(name);
    if (found == admins_.end()) return fail_missing("admin", name);
    admins_.erase(found);
    return {};
  }

  Result<bool> has_admin() override {
    std::shared_lock lock(mutex_);
    return !admins_.empty();
  }

  Result<model::Folder> folder(std::string_view name) override {
    std::shared_lock lock(mutex_);
    const auto found = folders_.find(name);
    if (found == folders_.end()) return fail_missing("folder", name);
    return with_users(found->second);
  }

  Result<std::vector<model::Folder>> folders(Page page) override {
    std::shared_lock lock(mutex_);
    std::vector<model::Folder> list;
    for_page(folders_, page,
             [&](const std::string&, const model::Folder& folder) { list.push_back(with_users(folder)); });
    return list;
  }

  Result<model::Folder> add_folder(model::Folder folder) override {
    std::unique_lock lock(mutex_);
    if (folders_.contains(folder.name)) return fail_exists("folder", folder.name);
    model::Folder fresh;
    fresh.id = ++last_id_;
    fresh.name = folder.name;
    restore_kept(folder, fresh);
    return folders_[folder.name] = std::move(folder);
  }

  Result<model::Folder> change_folder(std::string_view name, const Change<model::Folder>& change) override {
    std::unique_lock lock(mutex_);
    const auto found = folders_.find(name);
    if (found == folders_.end()) return fail_missing("folder", name);
    model::Folder folder = with_users(found->second);
    if (const auto changed = change(folder); !changed) return fail(changed.error());
    restore_kept(folder, found->second);
    folder.users.clear();  // kept in mounted_by_
    found->second = std::move(folder);
    return with_users(found->second);
  }

  Result<void> delete_folder(std::string_view name) override {
    std::unique_lock lock(mutex_);
    const auto found = folders_.find(name);
    if (found == folders_.end()) return fail_missing("folder", name);
    for (const std::string& username : mounted_by_[found->first]) {
      model::User user = *users_.find(username)->second;
      std::erase_if(user.virtual_folders, [&](const model::VirtualFolder& mount) { return mount.name == name; });
      users_[username] = std::make_shared<const model::User>(std::move(user));
    }
    mounted_by_.erase(found->first);
    folders_.erase(found);
    return {};
  }

  Result<void> update_user_quota(std::string_view name, QuotaUsage usage, QuotaUpdate how) override {
    return edit_user(name, [&](model::User& user) {
      const bool add = how == QuotaUpdate::add;
      user.used_quota_files = add_usage(add ? user.used_quota_files : 0, usage.files);
      user.used_quota_size = add_usage(add ? user.used_quota_size : 0, usage.size);
      user.last_quota_update = now_ms();
    });
  }

  Result<void> update_folder_quota(std::string_view name, QuotaUsage usage, QuotaUpdate how) override {
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

  Result<void> update_transfer_quota(std::string_view name, TransferUsage usage, QuotaUpdate how) override {
    return edit_user(name, [&](model::User& user) {
      const bool add = how == QuotaUpdate::add;
      user.used_upload_data_transfer = add_usage(add ? user.used_upload_data_transfer : 0, usage.upload);
      user.used_download_data_transfer = add_usage(add ? user.used_download_data_transfer : 0, usage.download);
      user.last_quota_update = now_ms();
    });
  }

  Result<QuotaUsage> user_quota(std::string_view name) override {
    std::shared_lock lock(mutex_);
    const auto found = users_.find(name);
    if (found == users_.end()) return fail_missing("user", name);
    return QuotaUsage{found->second->used_quota_files, found->second->used_quota_size};
  }

  Result<QuotaUsage> folder_quota(std::string_view name) override {
    std::shared_lock lock(mutex_);
    const auto found = folders_.find(name);
    if (found == folders_.end()) return fail_missing("folder", name);
    return QuotaUsage{found->second.used_quota_files, found->second.used_quota_size};
  }

  Result<TransferUsage> transfer_quota(std::string_view name) override {
    std::shared_lock lock(mutex_);
    const auto found = users_.find(name);
    if (found == users_.end()) return fail_missing("user", name);
    return TransferUsage{found->second->used_upload_data_transfer, found->second->used_download_data_transfer};
  }

  Result<void> set_user_last_login(std::string_view name, std::int64_t when) override {
    return edit_user(name, [&](model::User& user) { user.last_login = when; });
  }

  Result<void> set_admin_last_login(std::string_view name, std::int64_t when) override {
    std::unique_lock lock(mutex_);
    const auto found = admins_.find(name);
    if (found == admins_.end()) return fail_missing("admin", name);
    model::Admin admin = *found->second;
    admin.last_login = when;
    found->second = std::make_shared<const model::Admin>(std::move(admin));
    return {};
  }

 private:
  // A stored user with the details of its folders as they are now.
  model::UserPtr complete(const model::UserPtr& stored) const {
    if (stored->virtual_folders.empty()) return stored;
    auto user = std::make_shared<model::User>(*stored);
    for (model::VirtualFolder& mount : user->virtual_folders) {
      mount = mounted(std::move(mount), folders_.find(mount.name)->second);
    }
    return user;
  }

  Result<void> check_mounts(const model::User& user) const {
    for (const model::VirtualFolder& mount : user.virtual_folders) {
      if (!folders_.contains(mount.name)) return fail_no_folder(mount.name);
    }
    return {};
  }

  const model::UserPtr& put(model::User user) {
    for (model::VirtualFolder& mount : user.virtual_folders) {
      mount = mount_only(mount);
      mounted_by_[mount.name].insert(user.username);
    }
    auto& entry = users_[user.username];
    return entry = std::make_shared<const model::User>(std::move(user));
  }

  void unmount(const model::User& user) {
    for (const model::VirtualFolder& mount : user.virtual_folders) mounted_by_[mount.name].erase(user.username);
  }

  template <class Edit>
  Result<void> edit_user(std::string_view name, Edit edit) {
    std::unique_lock lock(mutex_);
    const auto found = users_.find(name);
    if (found == users_.end()) return fail_missing("user", name);
    auto user = std::make_shared<model::User>(*found->second);
    edit(*user);
    found->second = std::move(user);
    return {};
  }

  Result<model::AdminPtr> insert_admin(model::Admin admin) {
    if (admins_.contains(admin.username)) return fail_exists("admin", admin.username);
    admin.id = ++last_id_;
    admin.created_at = admin.updated_at = now_ms();
    admin.last_login = 0;
    auto& entry = admins_[admin.username];
    return entry = std::make_shared<const model::Admin>(std::move(admin));
  }

  model::Folder with_users(model::Folder folder) const {
    const auto found = mounted_by_.find(folder.name);
    if (found != mounted_by_.end()) folder.users.assign(found->second.begin(), found->second.end());
    return folder;
  }

  mutable std::shared_mutex mutex_;
  Table<model::UserPtr> users_;
  Table<model::AdminPtr> admins_;
  Table<model::Folder> folders_;
  Table<std::set<std::string>> mounted_by_;  // folder to users
  std::int64_t last_id_ = 0;
};

}  // namespace

std::unique_ptr<Provider> make_memory_provider() { return std::make_unique<MemoryProvider>(); }

}  // namespace ferry::store
