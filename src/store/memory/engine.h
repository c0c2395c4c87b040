// The memory engine: its tables, and the provider over them. A file each for its objects. Private to src/store/memory.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>

#include "store/memory/audit.h"
#include "store/memory/notifications.h"
#include "store/provider.h"
#include "store/store_fields.h"

namespace ferry::store::memory {

template <class Value>
using Table = std::map<std::string, Value, std::less<>>;  // ordered by name, as bytes

// Who refers to an object, by name: users to a folder, admins to a role.
class Links {
 public:
  void add(const std::string& to, const std::string& from) { links_[to].insert(from); }
  void remove(const std::string& to, const std::string& from) {
    const auto found = links_.find(to);
    if (found != links_.end() && found->second.erase(from) != 0 && found->second.empty()) links_.erase(found);
  }
  std::vector<std::string> of(std::string_view to) const {
    const auto found = links_.find(to);
    return found == links_.end() ? std::vector<std::string>()
                                 : std::vector<std::string>(found->second.begin(), found->second.end());
  }
  bool any(std::string_view to) const { return links_.find(to) != links_.end(); }

 private:
  Table<std::set<std::string>> links_;
};

struct DefenderRecord {
  std::int64_t banned_until = 0;
  std::vector<std::pair<std::int64_t, std::int64_t>> events;  // when, score
};

// Calls `take(value)` for the entries of a page.
template <class Value, class Take>
void for_page(const Table<Value>& table, Page page, Take take) {
  const auto walk = [&](auto begin, auto end) {
    std::size_t at = 0;
    for (auto entry = begin; entry != end && at < page.offset + page.limit; ++entry, ++at) {
      if (at >= page.offset) take(entry->second);
    }
  };
  page.descending ? walk(table.rbegin(), table.rend()) : walk(table.begin(), table.end());
}

// What is stored is bare: mounts without their folder's details, nothing in `users`, `groups` and `admins` lists.
class Engine final : public Provider {
 public:
  std::string_view driver() const override { return "memory"; }
  Result<void> check() override { return {}; }

  Result<model::UserPtr> user(std::string_view name) override;
  Result<model::UserPtr> effective_user(std::string_view name) override;
  Result<std::vector<model::UserPtr>> users(Page page) override;
  Result<std::vector<model::UserPtr>> users_of_role(std::string_view role, Page page) override;
  Result<model::UserPtr> add_user(model::User user, Origin origin) override;
  Result<model::UserPtr> change_user(std::string_view name, const Change<model::User>& change) override;
  Result<void> delete_user(std::string_view name) override;
  Result<void> set_user_last_login(std::string_view name, std::int64_t when) override;
  Result<bool> note_first_transfer(std::string_view name, bool upload, std::int64_t when) override;

  Result<model::AdminPtr> admin(std::string_view name) override;
  Result<std::vector<model::AdminPtr>> admins(Page page) override;
  Result<model::AdminPtr> add_admin(model::Admin admin, Origin origin) override;
  Result<model::AdminPtr> add_first_admin(model::Admin admin) override;
  Result<model::AdminPtr> change_admin(std::string_view name, const Change<model::Admin>& change) override;
  Result<void> delete_admin(std::string_view name) override;
  Result<bool> has_admin() override;
  Result<void> set_admin_last_login(std::string_view name, std::int64_t when) override;

  Result<model::Folder> folder(std::string_view name) override;
  Result<std::vector<model::Folder>> folders(Page page) override;
  Result<model::Folder> add_folder(model::Folder folder, Origin origin) override;
  Result<model::Folder> change_folder(std::string_view name, const Change<model::Folder>& change) override;
  Result<void> delete_folder(std::string_view name) override;

  Result<model::Group> group(std::string_view name) override;
  Result<std::vector<model::Group>> groups(Page page) override;
  Result<model::Group> add_group(model::Group group, Origin origin) override;
  Result<model::Group> change_group(std::string_view name, const Change<model::Group>& change) override;
  Result<void> delete_group(std::string_view name) override;

  Result<model::Role> role(std::string_view name) override;
  Result<std::vector<model::Role>> roles(Page page) override;
  Result<model::Role> add_role(model::Role role, Origin origin) override;
  Result<model::Role> change_role(std::string_view name, const Change<model::Role>& change) override;
  Result<void> delete_role(std::string_view name) override;

  Result<model::IpListEntry> ip_list_entry(model::IpListType type, std::string_view ipornet) override;
  Result<std::vector<model::IpListEntry>> ip_list_entries(model::IpListType type, const IpListPage& page) override;
  Result<std::vector<model::IpListEntry>> all_ip_list_entries() override;
  Result<model::IpListEntry> add_ip_list_entry(model::IpListEntry entry, Origin origin) override;
  Result<model::IpListEntry> change_ip_list_entry(model::IpListType type, std::string_view ipornet,
                                                  const Change<model::IpListEntry>& change) override;
  Result<void> delete_ip_list_entry(model::IpListType type, std::string_view ipornet) override;

  Result<std::vector<DefenderHost>> defender_hosts(DefenderTimes times, std::size_t limit) override;
  Result<DefenderHost> defender_host(std::string_view ip, DefenderTimes times) override;
  Result<DefenderHost> add_defender_event(const DefenderEvent& event, DefenderTimes times) override;
  Result<std::int64_t> extend_ban(std::string_view ip, std::int64_t now, std::int64_t by) override;
  Result<void> delete_defender_host(std::string_view ip) override;
  Result<void> forget_defender_hosts(DefenderTimes times) override;

  Result<Snapshot> snapshot() override;

  Result<model::ApiKey> api_key(std::string_view id) override;
  Result<std::vector<model::ApiKey>> api_keys(Page page) override;
  Result<model::ApiKey> add_api_key(model::ApiKey key, Origin origin) override;
  Result<model::ApiKey> change_api_key(std::string_view id, const Change<model::ApiKey>& change) override;
  Result<void> delete_api_key(std::string_view id) override;
  Result<void> set_api_key_last_use(std::string_view id, std::int64_t when) override;

  Result<bool> claim_code_step(std::string_view account, std::int64_t step) override;

  Result<std::int64_t> add_open_upload(const OpenUpload& upload) override;
  Result<void> disown_open_upload(std::int64_t id) override;
  Result<void> remove_open_upload(std::int64_t id) override;
  Result<std::vector<OpenUpload>> open_uploads(std::int64_t after, std::size_t limit) override;

  Result<void> update_user_quota(std::string_view name, QuotaUsage usage, QuotaUpdate how) override;
  Result<void> update_folder_quota(std::string_view name, QuotaUsage usage, QuotaUpdate how) override;
  Result<void> update_transfer_quota(std::string_view name, TransferUsage usage, QuotaUpdate how) override;
  Result<QuotaUsage> user_quota(std::string_view name) override;
  Result<QuotaUsage> folder_quota(std::string_view name) override;
  Result<TransferUsage> transfer_quota(std::string_view name) override;

  Result<void> queue(std::span<const Notification> fresh) override { return outbox_.queue(fresh); }
  Result<std::vector<Notification>> due(std::string_view hook, std::int64_t now, std::int64_t horizon,
                                        std::size_t limit) override {
    return outbox_.due(hook, now, horizon, limit);
  }
  Result<void> settle(std::span<const std::int64_t> delivered, std::span<const Notification> others) override {
    return outbox_.settle(delivered, others);
  }
  Result<std::size_t> expire(std::string_view hook, std::int64_t now, std::string_view error) override {
    return outbox_.expire(hook, now, error);
  }
  Result<Trimmed> trim(std::size_t most) override { return outbox_.trim(most); }
  Result<OutboxCount> count_notifications() override { return outbox_.count(); }
  Result<std::vector<Notification>> notifications(bool dead, std::int64_t after, std::size_t limit) override {
    return outbox_.list(dead, after, limit);
  }
  Result<std::size_t> replay(std::int64_t id, std::int64_t expires_at) override {
    return outbox_.replay(id, expires_at);
  }
  Result<std::size_t> discard(std::int64_t id) override { return outbox_.discard(id); }

  Result<void> record(const AuditBatch& batch, std::string_view instance_id) override {
    return audit_.record(batch, instance_id);
  }
  Result<std::vector<AuditedFile>> file_events(const AuditQuery& query) override { return audit_.files(query); }
  Result<std::vector<AuditedChange>> provider_events(const AuditQuery& query) override { return audit_.changes(query); }
  Result<std::vector<AuditedLogin>> log_events(const AuditQuery& query) override { return audit_.logins(query); }
  Result<bool> forget_events(const AuditLimits& limits) override { return audit_.forget(limits); }

 private:
  // A stored object as it is shown: with what other tables say about it.
  model::UserPtr shown(const model::UserPtr& stored) const;
  model::Folder shown(model::Folder stored) const;
  model::Group shown(model::Group stored) const;
  model::Role shown(model::Role stored) const;
  std::vector<model::VirtualFolder> with_details(std::vector<model::VirtualFolder> mounts) const;

  // invalid_argument: a folder, group or role that does not exist.
  Result<void> check_mounts(const std::vector<model::VirtualFolder>& mounts) const;
  template <class Account>
  Result<void> check_references(const Account& account) const;

  // Stores an object made bare, and its links.
  const model::UserPtr& put(model::User user);
  const model::AdminPtr& put(model::Admin admin);
  void unlink(const model::User& user);
  void unlink(const model::Admin& admin);
  void unlink(const model::Group& group);
  Result<model::AdminPtr> insert(model::Admin admin, Origin origin);
  Result<void> check_owner(const model::ApiKey& key) const;
  // The keys that are bound to this user or admin.
  void drop_keys_of(std::string_view user, std::string_view admin);
  template <class Edit>
  Result<void> edit_user(std::string_view name, Edit edit);

  mutable std::shared_mutex mutex_;
  Table<model::UserPtr> users_;
  Table<model::AdminPtr> admins_;
  Table<model::Folder> folders_;
  Table<model::Group> groups_;
  Table<model::Role> roles_;
  Table<model::IpListEntry> ip_lists_;  // by list and ipornet
  Table<DefenderRecord> defender_;      // by address
  Table<model::ApiKey> api_keys_;       // by id
  Links folder_users_, folder_groups_, group_users_, group_admins_, role_users_, role_admins_;
  Table<std::int64_t> used_codes_;                   // the latest step, by account
  std::map<std::int64_t, OpenUpload> open_uploads_;  // by id
  std::int64_t last_upload_ = 0;
  std::int64_t last_id_ = 0;
  Notifications outbox_;  // locks by itself, as does the next
  Audit audit_;
};

template <class Account>
Result<void> Engine::check_references(const Account& account) const {
  for (const auto& mapping : account.groups) {
    if (!groups_.contains(mapping.name)) return fail_reference("groups", "group", mapping.name);
  }
  if (!account.role.empty() && !roles_.contains(account.role)) return fail_reference("role", "role", account.role);
  return {};
}

template <class Edit>
Result<void> Engine::edit_user(std::string_view name, Edit edit) {
  std::unique_lock lock(mutex_);
  const auto found = users_.find(name);
  if (found == users_.end()) return fail_missing("user", name);
  auto user = std::make_shared<model::User>(*found->second);
  edit(*user);
  found->second = std::move(user);
  return {};
}

}  // namespace ferry::store::memory
