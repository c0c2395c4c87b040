// Rows to objects and back, one namespace a table. Each call runs inside its caller's transaction and throws what
// SOCI throws. Private to src/store/sqlite.
#pragma once

#include <soci/soci.h>

#include <string>
#include <string_view>
#include <vector>

#include "store/provider.h"

namespace ferry::store::tables {

using Row = long long;  // SOCI's name for a 64-bit integer

namespace users {
Result<model::UserPtr> find(soci::session& sql, const std::string& name);
Result<std::vector<model::UserPtr>> list(soci::session& sql, Page page);
Result<model::UserPtr> add(soci::session& sql, model::User user);
Result<model::UserPtr> change(soci::session& sql, const std::string& name, const Change<model::User>& change);
Result<void> erase(soci::session& sql, const std::string& name);
Result<void> update_quota(soci::session& sql, const std::string& name, QuotaUsage usage, QuotaUpdate how);
Result<void> update_transfer(soci::session& sql, const std::string& name, TransferUsage usage, QuotaUpdate how);
Result<QuotaUsage> quota(soci::session& sql, const std::string& name);
Result<TransferUsage> transfer(soci::session& sql, const std::string& name);
Result<void> set_last_login(soci::session& sql, const std::string& name, Row when);
}  // namespace users

namespace mounts {
// A user's mounts with the details of their folders, in the user's order.
std::vector<model::VirtualFolder> find(soci::session& sql, Row user_id);
// Replaces them. invalid_argument: no such folder.
Result<void> replace(soci::session& sql, Row user_id, const std::vector<model::VirtualFolder>& list);
// Names of the users of a folder, ordered.
std::vector<std::string> users_of(soci::session& sql, Row folder_id);
}  // namespace mounts

namespace admins {
Result<model::AdminPtr> find(soci::session& sql, const std::string& name);
Result<std::vector<model::AdminPtr>> list(soci::session& sql, Page page);
Result<model::AdminPtr> add(soci::session& sql, model::Admin admin);
Result<model::AdminPtr> change(soci::session& sql, const std::string& name, const Change<model::Admin>& change);
Result<void> erase(soci::session& sql, const std::string& name);
bool any(soci::session& sql);
Result<void> set_last_login(soci::session& sql, const std::string& name, Row when);
}  // namespace admins

namespace folders {
Result<model::Folder> find(soci::session& sql, const std::string& name);
Result<std::vector<model::Folder>> list(soci::session& sql, Page page);
Result<model::Folder> add(soci::session& sql, model::Folder folder);
Result<model::Folder> change(soci::session& sql, const std::string& name, const Change<model::Folder>& change);
Result<void> erase(soci::session& sql, const std::string& name);
Result<void> update_quota(soci::session& sql, const std::string& name, QuotaUsage usage, QuotaUpdate how);
Result<QuotaUsage> quota(soci::session& sql, const std::string& name);
}  // namespace folders

// How many rows the last INSERT, UPDATE or DELETE of this session changed.
inline bool changed_any(soci::session& sql) {
  Row count = 0;
  sql << "SELECT changes()", soci::into(count);
  return count > 0;
}

// LIMIT and OFFSET of a page as SQLite takes them.
inline Row as_row(std::size_t number) {
  constexpr std::size_t most = 1U << 30;
  return static_cast<Row>(number < most ? number : most);
}

}  // namespace ferry::store::tables
