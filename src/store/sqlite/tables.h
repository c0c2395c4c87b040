// Rows to objects and back, one namespace a table. Each call runs inside its caller's transaction and throws what
// SOCI throws. Private to src/store/sqlite.
#pragma once

#include <soci/soci.h>

#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "store/provider.h"

namespace ferry::store::tables {

using Row = long long;  // SOCI's name for a 64-bit integer

inline constexpr Page everything{.limit = std::numeric_limits<std::size_t>::max()};

namespace users {
Result<model::UserPtr> find(soci::session& sql, const std::string& name);
Result<model::UserPtr> find_effective(soci::session& sql, const std::string& name);
Result<std::vector<model::UserPtr>> list(soci::session& sql, Page page);
Result<std::vector<model::UserPtr>> list_of_role(soci::session& sql, const std::string& role, Page page);
Result<model::UserPtr> add(soci::session& sql, model::User user, Origin origin);
Result<model::UserPtr> change(soci::session& sql, const std::string& name, const Change<model::User>& change);
Result<void> erase(soci::session& sql, const std::string& name);
Result<void> update_quota(soci::session& sql, const std::string& name, QuotaUsage usage, QuotaUpdate how);
Result<void> update_transfer(soci::session& sql, const std::string& name, TransferUsage usage, QuotaUpdate how);
Result<QuotaUsage> quota(soci::session& sql, const std::string& name);
Result<TransferUsage> transfer(soci::session& sql, const std::string& name);
Result<void> set_last_login(soci::session& sql, const std::string& name, Row when);
Result<bool> note_first_transfer(soci::session& sql, const std::string& name, bool upload, Row when);
}  // namespace users

// Mounts of users and of groups: the same columns in a table each.
namespace mounts {
enum class Of : std::uint8_t { users, groups };
// An owner's mounts with the details of their folders, in the owner's order.
std::vector<model::VirtualFolder> find(soci::session& sql, Of owners, Row owner_id);
// Replaces them. invalid_argument: no such folder.
Result<void> replace(soci::session& sql, Of owners, Row owner_id, const std::vector<model::VirtualFolder>& list);
// Names of the users or groups that mount a folder, ordered.
std::vector<std::string> owners_of(soci::session& sql, Of owners, Row folder_id);
}  // namespace mounts

// Which groups users and admins are in.
namespace members {
struct Member {
  std::string group;
  Row kind = 0;  // GroupMapping::type, AdminGroupMappingOptions::add_to_users_as
};
enum class Of : std::uint8_t { users, admins };
std::vector<Member> find(soci::session& sql, Of members, Row member_id);
// Replaces them. invalid_argument: no such group.
Result<void> replace(soci::session& sql, Of members, Row member_id, const std::vector<Member>& list);
// Names of the users or admins of a group, ordered.
std::vector<std::string> members_of(soci::session& sql, Of members, Row group_id);
}  // namespace members

namespace groups {
Result<model::Group> find(soci::session& sql, const std::string& name);
// Those of a user, with their mounts, without their members.
Result<std::vector<model::Group>> of_user(soci::session& sql, Row user_id);
Result<std::vector<model::Group>> list(soci::session& sql, Page page);
Result<model::Group> add(soci::session& sql, model::Group group, Origin origin);
Result<model::Group> change(soci::session& sql, const std::string& name, const Change<model::Group>& change);
Result<void> erase(soci::session& sql, const std::string& name);
}  // namespace groups

namespace roles {
// Gives a user or an admin this role; "" is none. invalid_argument: no such role.
Result<void> assign(soci::session& sql, members::Of members, Row member_id, const std::string& role);
Result<model::Role> find(soci::session& sql, const std::string& name);
Result<std::vector<model::Role>> list(soci::session& sql, Page page);
Result<model::Role> add(soci::session& sql, model::Role role, Origin origin);
Result<model::Role> change(soci::session& sql, const std::string& name, const Change<model::Role>& change);
Result<void> erase(soci::session& sql, const std::string& name);
}  // namespace roles

namespace admins {
Result<model::AdminPtr> find(soci::session& sql, const std::string& name);
Result<std::vector<model::AdminPtr>> list(soci::session& sql, Page page);
Result<model::AdminPtr> add(soci::session& sql, model::Admin admin, Origin origin);
Result<model::AdminPtr> change(soci::session& sql, const std::string& name, const Change<model::Admin>& change);
Result<void> erase(soci::session& sql, const std::string& name);
bool any(soci::session& sql);
Result<void> set_last_login(soci::session& sql, const std::string& name, Row when);
}  // namespace admins

namespace folders {
Result<model::Folder> find(soci::session& sql, const std::string& name);
Result<std::vector<model::Folder>> list(soci::session& sql, Page page);
Result<model::Folder> add(soci::session& sql, model::Folder folder, Origin origin);
Result<model::Folder> change(soci::session& sql, const std::string& name, const Change<model::Folder>& change);
Result<void> erase(soci::session& sql, const std::string& name);
Result<void> update_quota(soci::session& sql, const std::string& name, QuotaUsage usage, QuotaUpdate how);
Result<QuotaUsage> quota(soci::session& sql, const std::string& name);
}  // namespace folders

namespace ip_lists {
Result<model::IpListEntry> find(soci::session& sql, Row type, const std::string& ipornet);
Result<std::vector<model::IpListEntry>> list(soci::session& sql, Row type, const IpListPage& page);
std::vector<model::IpListEntry> all(soci::session& sql);
Result<model::IpListEntry> add(soci::session& sql, model::IpListEntry entry, Origin origin);
Result<model::IpListEntry> change(soci::session& sql, Row type, const std::string& ipornet,
                                  const Change<model::IpListEntry>& change);
Result<void> erase(soci::session& sql, Row type, const std::string& ipornet);
}  // namespace ip_lists

namespace defender {
Result<std::vector<DefenderHost>> list(soci::session& sql, DefenderTimes times, std::size_t limit);
Result<DefenderHost> find(soci::session& sql, const std::string& ip, DefenderTimes times);
Result<DefenderHost> add(soci::session& sql, const DefenderEvent& event, DefenderTimes times);
Result<std::int64_t> extend(soci::session& sql, const std::string& ip, Row now, Row by);
Result<void> erase(soci::session& sql, const std::string& ip);
Result<void> forget(soci::session& sql, DefenderTimes times);
}  // namespace defender
namespace api_keys {
Result<model::ApiKey> find(soci::session& sql, const std::string& id);
Result<std::vector<model::ApiKey>> list(soci::session& sql, Page page);
Result<model::ApiKey> add(soci::session& sql, model::ApiKey key, Origin origin);
Result<model::ApiKey> change(soci::session& sql, const std::string& id, const Change<model::ApiKey>& change);
Result<void> erase(soci::session& sql, const std::string& id);
Result<void> set_last_use(soci::session& sql, const std::string& id, Row when);
}  // namespace api_keys

namespace used_codes {
bool claim(soci::session& sql, const std::string& account, Row step);
}  // namespace used_codes

namespace open_uploads {
Result<std::int64_t> add(soci::session& sql, const OpenUpload& upload);
Result<void> disown(soci::session& sql, Row id);
Result<void> erase(soci::session& sql, Row id);
Result<std::vector<OpenUpload>> list(soci::session& sql, Row after, std::size_t limit);
}  // namespace open_uploads

Result<Snapshot> snapshot(soci::session& sql);

namespace audit {
Result<void> record(soci::session& sql, const AuditBatch& batch, std::string_view instance_id);
Result<std::vector<AuditedFile>> files(soci::session& sql, const AuditQuery& query);
Result<std::vector<AuditedChange>> changes(soci::session& sql, const AuditQuery& query);
Result<std::vector<AuditedLogin>> logins(soci::session& sql, const AuditQuery& query);
Result<bool> forget(soci::session& sql, const AuditLimits& limits);
}  // namespace audit

namespace outbox {
Result<void> queue(soci::session& sql, std::span<const Notification> fresh);
Result<std::vector<Notification>> due(soci::session& sql, const std::string& hook, Row now, Row horizon,
                                      std::size_t limit);
Result<void> settle(soci::session& sql, std::span<const std::int64_t> delivered, std::span<const Notification> others);
Result<std::size_t> expire(soci::session& sql, const std::string& hook, Row now, const std::string& error);
Result<Outbox::Trimmed> trim(soci::session& sql, std::size_t most);
Result<OutboxCount> count(soci::session& sql);
Result<std::vector<Notification>> list(soci::session& sql, bool dead, Row after, std::size_t limit);
Result<std::size_t> replay(soci::session& sql, Row id, Row expires_at);
Result<std::size_t> discard(soci::session& sql, Row id);
}  // namespace outbox

// How many rows the last INSERT, UPDATE or DELETE of this session changed.
inline bool changed_any(soci::session& sql) {
  Row count = 0;
  sql << "SELECT changes()", soci::into(count);
  return count > 0;
}

inline Row last_id(soci::session& sql) {
  Row id = 0;
  sql << "SELECT last_insert_rowid()", soci::into(id);
  return id;
}

// Names that a query with one number gives, in its order.
inline std::vector<std::string> names_of(soci::session& sql, const char* query, Row id) {
  std::string name;
  soci::statement rows = (sql.prepare << query, soci::use(id), soci::into(name));
  rows.execute();
  std::vector<std::string> names;
  while (rows.fetch()) names.push_back(name);
  return names;
}

// Every row of a query, as `read` makes it of the columns it is fetched into.
template <class Read>
auto fetch_all(soci::statement& rows, Read read) {
  using Object = typename std::invoke_result_t<Read>::value_type;
  rows.execute();
  std::vector<Object> list;
  while (rows.fetch()) {
    auto object = read();
    if (!object) return Result<std::vector<Object>>(fail(std::move(object.error())));
    list.push_back(std::move(*object));
  }
  return Result<std::vector<Object>>(std::move(list));
}

// LIMIT and OFFSET of a page as SQLite takes them.
inline Row as_row(std::size_t number) {
  constexpr std::size_t most = std::size_t{1} << 40;
  return static_cast<Row>(number < most ? number : most);
}

}  // namespace ferry::store::tables
