// The data provider: where users, groups, roles, admins and folders are kept. One engine a folder below (sqlite,
// memory).
//
// Every call is synchronous and may block: run it through run_blocking. Safe from any thread. Each call is one
// transaction: all of its changes are visible to every later call, or none was made.
// Names are looked up as given (see model::NamingRules::convert), by index.
//
// Errors of every call: io_error (the database failed), internal. Objects must have been validated before.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/admin.h"
#include "model/folder.h"
#include "model/group.h"
#include "model/role.h"
#include "model/user.h"
#include "store/api_keys.h"
#include "store/audit_log.h"
#include "store/change.h"
#include "store/defender_hosts.h"
#include "store/ip_lists.h"
#include "store/open_uploads.h"
#include "store/outbox.h"
#include "store/page.h"
#include "store/used_codes.h"

namespace ferry::store {

enum class QuotaUpdate : std::uint8_t { add, reset };

struct QuotaUsage {
  std::int64_t files = 0;
  std::int64_t size = 0;  // bytes
  bool operator==(const QuotaUsage&) const = default;
};

struct TransferUsage {
  std::int64_t upload = 0;    // bytes
  std::int64_t download = 0;  // bytes
  bool operator==(const TransferUsage&) const = default;
};

// Everything that is stored, read in one transaction, ordered by name.
struct Snapshot {
  std::vector<model::UserPtr> users;
  std::vector<model::Group> groups;
  std::vector<model::Folder> folders;
  std::vector<model::AdminPtr> admins;
  std::vector<model::Role> roles;
  std::vector<model::IpListEntry> ip_lists;
  std::vector<model::ApiKey> api_keys;
};

class Provider : public IpLists,
                 public DefenderHosts,
                 public ApiKeys,
                 public UsedCodes,
                 public OpenUploads,
                 public Outbox,
                 public AuditLog {
 public:
  ~Provider() override = default;

  // A word for logs and GET /status: "sqlite", "memory".
  virtual std::string_view driver() const = 0;
  // Whether the provider answers.
  virtual Result<void> check() = 0;

  // Users. not_found: no such user. Virtual folders come with their folder's details.
  virtual Result<model::UserPtr> user(std::string_view name) = 0;
  // The user with the settings of its groups applied (model::effective_user). Use it for logins; never store it.
  // invalid_argument: user and groups together make no valid account.
  virtual Result<model::UserPtr> effective_user(std::string_view name) = 0;
  // As effective_user, if the answer is in memory and still valid; may be called on an event loop. Null: ask
  // effective_user.
  virtual model::UserPtr remembered_user(std::string_view /*name*/) { return nullptr; }
  virtual Result<std::vector<model::UserPtr>> users(Page page) = 0;
  virtual Result<std::vector<model::UserPtr>> users_of_role(std::string_view role, Page page) = 0;
  // Sets id, created_at, updated_at. already_exists; invalid_argument: a virtual folder, group or role that does not
  // exist.
  virtual Result<model::UserPtr> add_user(model::User user, Origin origin = Origin::client) = 0;
  // Sets updated_at. Fields that only the store sets do not change. Errors as add_user, and those of `change`.
  virtual Result<model::UserPtr> change_user(std::string_view name, const Change<model::User>& change) = 0;
  virtual Result<void> delete_user(std::string_view name) = 0;

  // Admins.
  virtual Result<model::AdminPtr> admin(std::string_view name) = 0;
  virtual Result<std::vector<model::AdminPtr>> admins(Page page) = 0;
  // invalid_argument: a group or role that does not exist.
  virtual Result<model::AdminPtr> add_admin(model::Admin admin, Origin origin = Origin::client) = 0;
  // Adds the first administrator. conflict: there is one already, also one that is being added at the same moment.
  virtual Result<model::AdminPtr> add_first_admin(model::Admin admin) = 0;
  virtual Result<model::AdminPtr> change_admin(std::string_view name, const Change<model::Admin>& change) = 0;
  virtual Result<void> delete_admin(std::string_view name) = 0;
  virtual Result<bool> has_admin() = 0;

  // Folders. `users` and `groups` of an answer list who mounts it, by name.
  virtual Result<model::Folder> folder(std::string_view name) = 0;
  virtual Result<std::vector<model::Folder>> folders(Page page) = 0;
  // Origin::dump keeps its used quota.
  virtual Result<model::Folder> add_folder(model::Folder folder, Origin origin = Origin::client) = 0;
  virtual Result<model::Folder> change_folder(std::string_view name, const Change<model::Folder>& change) = 0;
  // The users and groups that mounted it no longer do.
  virtual Result<void> delete_folder(std::string_view name) = 0;

  // Groups. Virtual folders come with their folder's details; `users` and `admins` of an answer list the members.
  virtual Result<model::Group> group(std::string_view name) = 0;
  virtual Result<std::vector<model::Group>> groups(Page page) = 0;
  // already_exists; invalid_argument: a virtual folder that does not exist.
  virtual Result<model::Group> add_group(model::Group group, Origin origin = Origin::client) = 0;
  virtual Result<model::Group> change_group(std::string_view name, const Change<model::Group>& change) = 0;
  // invalid_argument: it has users (whom its settings may deny something). Admins that have it lose it.
  virtual Result<void> delete_group(std::string_view name) = 0;

  // Roles. `users` and `admins` of an answer list who has it.
  virtual Result<model::Role> role(std::string_view name) = 0;
  virtual Result<std::vector<model::Role>> roles(Page page) = 0;
  virtual Result<model::Role> add_role(model::Role role, Origin origin = Origin::client) = 0;
  virtual Result<model::Role> change_role(std::string_view name, const Change<model::Role>& change) = 0;
  // invalid_argument: admins have it (without the role they would manage all users). Users that have it lose it.
  virtual Result<void> delete_role(std::string_view name) = 0;

  // Everything, read in one transaction.
  virtual Result<Snapshot> snapshot() = 0;

  // Quota. add: adds the numbers, which may be negative, to the stored ones; the result is never below 0. reset: sets
  // them. Both set last_quota_update. not_found.
  virtual Result<void> update_user_quota(std::string_view name, QuotaUsage usage, QuotaUpdate how) = 0;
  virtual Result<void> update_folder_quota(std::string_view name, QuotaUsage usage, QuotaUpdate how) = 0;
  virtual Result<void> update_transfer_quota(std::string_view name, TransferUsage usage, QuotaUpdate how) = 0;
  virtual Result<QuotaUsage> user_quota(std::string_view name) = 0;
  virtual Result<QuotaUsage> folder_quota(std::string_view name) = 0;
  virtual Result<TransferUsage> transfer_quota(std::string_view name) = 0;

  // Unix milliseconds. updated_at does not change. not_found.
  virtual Result<void> set_user_last_login(std::string_view name, std::int64_t when) = 0;
  virtual Result<void> set_admin_last_login(std::string_view name, std::int64_t when) = 0;
  // Sets first_upload or first_download if it is not set yet; answers whether it was set now. not_found.
  virtual Result<bool> note_first_transfer(std::string_view name, bool upload, std::int64_t when) = 0;
};

// Now, in Unix milliseconds.
std::int64_t now_ms();

}  // namespace ferry::store
