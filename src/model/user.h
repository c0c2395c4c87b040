// User: an account that transfers files (REST schema User, field names as in its JSON). Sessions share one as
// std::shared_ptr<const User>; nobody changes it after it left the store.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/filesystem.h"
#include "model/filters.h"
#include "model/folder.h"

namespace ferry::model {

// Virtual directory to what is allowed there and below, until a deeper entry says otherwise; an empty list allows
// nothing. "/" is always there and never empty.
using Permissions = std::map<std::string, std::vector<std::string>, std::less<>>;

struct GroupMapping {
  std::string name;
  std::int64_t type = 0;  // 1 primary, 2 secondary, 3 membership; must be given
  bool operator==(const GroupMapping&) const = default;
};

struct User {
  std::int64_t id = 0;
  std::int64_t status = 1;  // 1 enabled, 0 disabled
  std::string username;
  std::string email;
  std::string description;
  std::int64_t expiration_date = 0;      // Unix ms, 0 never
  std::string password;                  // plain on its way in, the hash once stored; "" no password login
  std::vector<std::string> public_keys;  // authorized_keys lines
  std::string home_dir;
  std::vector<VirtualFolder> virtual_folders;
  std::int64_t uid = 0;
  std::int64_t gid = 0;
  std::int64_t max_sessions = 0;  // 0 unlimited
  std::int64_t quota_size = 0;    // bytes, 0 unlimited
  std::int64_t quota_files = 0;   // 0 unlimited
  Permissions permissions;
  std::int64_t used_quota_size = 0;              // kept by the store
  std::int64_t used_quota_files = 0;             // kept by the store
  std::int64_t last_quota_update = 0;            // Unix ms; kept by the store
  std::int64_t upload_bandwidth = 0;             // KB/s, 0 unlimited
  std::int64_t download_bandwidth = 0;           // KB/s, 0 unlimited
  std::int64_t upload_data_transfer = 0;         // MB, 0 unlimited
  std::int64_t download_data_transfer = 0;       // MB, 0 unlimited
  std::int64_t total_data_transfer = 0;          // MB, 0 unlimited
  std::int64_t used_upload_data_transfer = 0;    // bytes; kept by the store
  std::int64_t used_download_data_transfer = 0;  // bytes; kept by the store
  std::int64_t created_at = 0;                   // Unix ms; kept by the store, as are the next four
  std::int64_t updated_at = 0;
  std::int64_t last_login = 0;
  std::int64_t first_download = 0;
  std::int64_t first_upload = 0;
  std::int64_t last_password_change = 0;  // Unix ms
  UserFilters filters;
  FilesystemConfig filesystem;
  std::string additional_info;
  std::vector<GroupMapping> groups;
  std::string oidc_custom_fields;  // free-form: the text of a JSON object; "" none
  std::string role;

  bool has_password() const { return !password.empty(); }
  bool operator==(const User&) const = default;
};

using UserPtr = std::shared_ptr<const User>;

// Calls `act(ConfigSecret&)` on every secret of a user itself (its folders have their own).
template <class SomeUser, class Act>
requires requires(SomeUser& user) { user.virtual_folders; }
void for_each_secret(SomeUser& user, Act act) {
  for_each_secret(user.filesystem, act);
  act(user.filters.totp_config.secret);
  for (auto& code : user.filters.recovery_codes) act(code.secret);
}

}  // namespace ferry::model
