// An authenticator over a provider whose calls can be made to fail.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <memory>
#include <string>

#include "auth/login.h"
#include "store/memory/memory_provider.h"
#include "tests/support/lasting_context.h"

namespace ferry::auth {

// Forwards to a memory provider; while `broken` every call fails, or throws when `throwing` too. So does the call of
// number `fail_at`, counting from 1.
class FaultyProvider final : public store::Provider {
 public:
  std::atomic<bool> broken = false, broken_writes = false, throwing = false, remembers = false;
  std::atomic<int> fail_at = 0;
  mutable std::atomic<int> calls = 0;
  std::atomic<int> lookups = 0;
  store::Provider& inner() { return *inner_; }

  std::string_view driver() const override { return "faulty"; }
  Result<void> check() override { return inner_->check(); }
  Result<model::UserPtr> user(std::string_view name) override {
    ++lookups;
    if (auto bad = fault(broken); !bad) return fail(bad.error());
    return inner_->user(name);
  }
  Result<model::UserPtr> effective_user(std::string_view name) override {
    ++lookups;
    if (auto bad = fault(broken); !bad) return fail(bad.error());
    return inner_->effective_user(name);
  }
  model::UserPtr remembered_user(std::string_view name) override {
    if (!remembers) return nullptr;
    auto known = inner_->effective_user(name);
    return known ? *known : nullptr;
  }
  Result<std::vector<model::UserPtr>> users(store::Page page) override { return inner_->users(page); }
  Result<std::vector<model::UserPtr>> users_of_role(std::string_view role, store::Page page) override {
    return inner_->users_of_role(role, page);
  }
  Result<model::UserPtr> add_user(model::User user, store::Origin origin = store::Origin::client) override {
    if (auto bad = fault(broken_writes); !bad) return fail(bad.error());
    return inner_->add_user(std::move(user), origin);
  }
  Result<model::UserPtr> change_user(std::string_view name, const store::Change<model::User>& change) override {
    if (auto bad = fault(broken_writes); !bad) return fail(bad.error());
    return inner_->change_user(name, change);
  }
  Result<void> delete_user(std::string_view name) override { return inner_->delete_user(name); }
  Result<model::AdminPtr> admin(std::string_view name) override {
    if (auto bad = fault(broken); !bad) return fail(bad.error());
    return inner_->admin(name);
  }
  Result<std::vector<model::AdminPtr>> admins(store::Page page) override { return inner_->admins(page); }
  Result<model::AdminPtr> add_admin(model::Admin admin, store::Origin origin = store::Origin::client) override {
    return inner_->add_admin(std::move(admin), origin);
  }
  Result<model::AdminPtr> add_first_admin(model::Admin admin) override {
    return inner_->add_first_admin(std::move(admin));
  }
  Result<model::AdminPtr> change_admin(std::string_view name, const store::Change<model::Admin>& change) override {
    if (auto bad = fault(broken_writes); !bad) return fail(bad.error());
    return inner_->change_admin(name, change);
  }
  Result<void> delete_admin(std::string_view name) override { return inner_->delete_admin(name); }
  Result<bool> has_admin() override { return inner_->has_admin(); }
  Result<model::Folder> folder(std::string_view name) override { return inner_->folder(name); }
  Result<std::vector<model::Folder>> folders(store::Page page) override { return inner_->folders(page); }
  Result<model::Folder> add_folder(model::Folder folder, store::Origin origin) override {
    return inner_->add_folder(std::move(folder), origin);
  }
  Result<model::Folder> change_folder(std::string_view name, const store::Change<model::Folder>& change) override {
    return inner_->change_folder(name, change);
  }
  Result<void> delete_folder(std::string_view name) override { return inner_->delete_folder(name); }
  Result<model::Group> group(std::string_view name) override { return inner_->group(name); }
  Result<std::vector<model::Group>> groups(store::Page page) override { return inner_->groups(page); }
  Result<model::Group> add_group(model::Group group, store::Origin origin) override {
    return inner_->add_group(std::move(group), origin);
  }
  Result<model::Group> change_group(std::string_view name, const store::Change<model::Group>& change) override {
    return inner_->change_group(name, change);
  }
  Result<void> delete_group(std::string_view name) override { return inner_->delete_group(name); }
  Result<model::Role> role(std::string_view name) override { return inner_->role(name); }
  Result<std::vector<model::Role>> roles(store::Page page) override { return inner_->roles(page); }
  Result<model::Role> add_role(model::Role role, store::Origin origin) override {
    return inner_->add_role(std::move(role), origin);
  }
  Result<model::Role> change_role(std::string_view name, const store::Change<model::Role>& change) override {
    return inner_->change_role(name, change);
  }
  Result<void> delete_role(std::string_view name) override { return inner_->delete_role(name); }
  Result<model::IpListEntry> ip_list_entry(model::IpListType type, std::string_view ipornet) override {
    return inner_->ip_list_entry(type, ipornet);
  }
  Result<std::vector<model::IpListEntry>> ip_list_entries(model::IpListType type,
                                                          const store::IpListPage& page) override {
    return inner_->ip_list_entries(type, page);
  }
  Result<std::vector<model::IpListEntry>> all_ip_list_entries() override { return inner_->all_ip_list_entries(); }
  Result<model::IpListEntry> add_ip_list_entry(model::IpListEntry entry, store::Origin origin) override {
    return inner_->add_ip_list_entry(std::move(entry), origin);
  }
  Result<model::IpListEntry> change_ip_list_entry(model::IpListType type, std::string_view ipornet,
                                                  const store::Change<model::IpListEntry>& change) override {
    return inner_->change_ip_list_entry(type, ipornet, change);
  }
  Result<void> delete_ip_list_entry(model::IpListType type, std::string_view ipornet) override {
    return inner_->delete_ip_list_entry(type, ipornet);
  }
  Result<std::vector<store::DefenderHost>> defender_hosts(store::DefenderTimes times, std::size_t limit) override {
    return inner_->defender_hosts(times, limit);
  }
  Result<store::DefenderHost> defender_host(std::string_view ip, store::DefenderTimes times) override {
    return inner_->defender_host(ip, times);
  }
  Result<store::DefenderHost> add_defender_event(const store::DefenderEvent& event,
                                                 store::DefenderTimes times) override {
    return inner_->add_defender_event(event, times);
  }
  Result<std::int64_t> extend_ban(std::string_view ip, std::int64_t now, std::int64_t by) override {
    return inner_->extend_ban(ip, now, by);
  }
  Result<void> delete_defender_host(std::string_view ip) override { return inner_->delete_defender_host(ip); }
  Result<void> forget_defender_hosts(store::DefenderTimes times) override {
    return inner_->forget_defender_hosts(times);
  }
  Result<model::ApiKey> api_key(std::string_view id) override {
    if (auto bad = fault(broken); !bad) return fail(bad.error());
    return inner_->api_key(id);
  }
  Result<std::vector<model::ApiKey>> api_keys(store::Page page) override { return inner_->api_keys(page); }
  Result<model::ApiKey> add_api_key(model::ApiKey key, store::Origin origin = store::Origin::client) override {
    return inner_->add_api_key(std::move(key), origin);
  }
  Result<model::ApiKey> change_api_key(std::string_view id, const store::Change<model::ApiKey>& change) override {
    return inner_->change_api_key(id, change);
  }
  Result<void> delete_api_key(std::string_view id) override { return inner_->delete_api_key(id); }
  Result<void> set_api_key_last_use(std::string_view id, std::int64_t when) override {
    if (auto bad = fault(broken_writes); !bad) return bad;
    return inner_->set_api_key_last_use(id, when);
  }
  Result<bool> claim_code_step(std::string_view account, std::int64_t step) override {
    if (auto bad = fault(broken_writes); !bad) return fail(bad.error());
    return inner_->claim_code_step(account, step);
  }
  Result<std::int64_t> add_open_upload(const store::OpenUpload& upload) override {
    return inner_->add_open_upload(upload);
  }
  Result<void> disown_open_upload(std::int64_t id) override { return inner_->disown_open_upload(id); }
  Result<void> remove_open_upload(std::int64_t id) override { return inner_->remove_open_upload(id); }
  Result<std::vector<store::OpenUpload>> open_uploads(std::int64_t after, std::size_t limit) override {
    return inner_->open_uploads(after, limit);
  }
  Result<store::Snapshot> snapshot() override { return inner_->snapshot(); }
  Result<void> update_user_quota(std::string_view name, store::QuotaUsage usage, store::QuotaUpdate how) override {
    return inner_->update_user_quota(name, usage, how);
  }
  Result<void> update_folder_quota(std::string_view name, store::QuotaUsage usage, store::QuotaUpdate how) override {
    return inner_->update_folder_quota(name, usage, how);
  }
  Result<void> update_transfer_quota(std::string_view name, store::TransferUsage usage,
                                     store::QuotaUpdate how) override {
    return inner_->update_transfer_quota(name, usage, how);
  }
  Result<store::QuotaUsage> user_quota(std::string_view name) override { return inner_->user_quota(name); }
  Result<store::QuotaUsage> folder_quota(std::string_view name) override { return inner_->folder_quota(name); }
  Result<store::TransferUsage> transfer_quota(std::string_view name) override { return inner_->transfer_quota(name); }
  Result<void> set_user_last_login(std::string_view name, std::int64_t when) override {
    if (auto bad = fault(broken_writes); !bad) return bad;
    return inner_->set_user_last_login(name, when);
  }
  Result<void> set_admin_last_login(std::string_view name, std::int64_t when) override {
    if (auto bad = fault(broken_writes); !bad) return bad;
    return inner_->set_admin_last_login(name, when);
  }
  Result<bool> note_first_transfer(std::string_view name, bool upload, std::int64_t when) override {
    return inner_->note_first_transfer(name, upload, when);
  }
  Result<void> queue(std::span<const store::Notification> fresh) override { return inner_->queue(fresh); }
  Result<std::vector<store::Notification>> due(std::string_view hook, std::int64_t now, std::int64_t horizon,
                                               std::size_t limit) override {
    return inner_->due(hook, now, horizon, limit);
  }
  Result<void> settle(std::span<const std::int64_t> delivered, std::span<const store::Notification> others) override {
    return inner_->settle(delivered, others);
  }
  Result<std::size_t> expire(std::string_view hook, std::int64_t now, std::string_view error) override {
    return inner_->expire(hook, now, error);
  }
  Result<Trimmed> trim(std::size_t most) override { return inner_->trim(most); }
  Result<store::OutboxCount> count_notifications() override { return inner_->count_notifications(); }
  Result<std::vector<store::Notification>> notifications(bool dead, std::int64_t after, std::size_t limit) override {
    return inner_->notifications(dead, after, limit);
  }
  Result<std::size_t> replay(std::int64_t id, std::int64_t expires_at) override {
    return inner_->replay(id, expires_at);
  }
  Result<std::size_t> discard(std::int64_t id) override { return inner_->discard(id); }
  Result<void> record(const store::AuditBatch& batch, std::string_view id) override {
    return inner_->record(batch, id);
  }
  Result<std::vector<store::AuditedFile>> file_events(const store::AuditQuery& query) override {
    return inner_->file_events(query);
  }
  Result<std::vector<store::AuditedChange>> provider_events(const store::AuditQuery& query) override {
    return inner_->provider_events(query);
  }
  Result<std::vector<store::AuditedLogin>> log_events(const store::AuditQuery& query) override {
    return inner_->log_events(query);
  }
  Result<bool> forget_events(const store::AuditLimits& limits) override { return inner_->forget_events(limits); }

 private:
  Result<void> fault(bool active) const {
    const bool due = ++calls == fail_at;
    if (!active && !due) return {};
    if (throwing) throw std::runtime_error("the provider threw");
    return fail(ErrorCode::io_error, "the provider is broken");
  }
  std::unique_ptr<store::Provider> inner_ = store::make_memory_provider();
};

template <class T>
T finished(Task<T> task) {
  asio::io_context& context = test::lasting_context();
  auto result = asio::co_spawn(context, std::move(task), asio::use_future);
  while (result.wait_for(std::chrono::seconds(0)) != std::future_status::ready) context.run_one();
  return result.get();
}
inline auto login_now(Authenticator& auth, LoginRequest request) { return finished(auth.login(std::move(request))); }
inline auto login_admin_now(Authenticator& auth, AdminLoginRequest request) {
  return finished(auth.login_admin(std::move(request)));
}
inline auto check_password_now(Authenticator& auth, LoginRequest request) {
  return finished(auth.check_password(std::move(request)));
}
inline auto check_code_now(Authenticator& auth, LoginRequest request) {
  return finished(auth.check_code(std::move(request)));
}

inline LoginOptions fast_options() {
  LoginOptions options;
  options.hashing.bcrypt_cost = 4;
  return options;
}

}  // namespace ferry::auth
