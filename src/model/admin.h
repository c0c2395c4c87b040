// Admin: who may administer the server over REST (REST schema Admin, field names as in its JSON).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/filters.h"

namespace ferry::model {

struct AdminPreferences {
  std::int64_t hide_user_page_sections = 0;
  std::int64_t default_users_expiration = 0;  // days
  bool operator==(const AdminPreferences&) const = default;
};

struct AdminFilters {
  std::vector<std::string> allow_list;  // addresses and networks; empty: any
  bool allow_api_key_auth = false;
  bool require_two_factor = false;
  bool require_password_change = false;
  TotpConfig totp_config;
  std::vector<RecoveryCode> recovery_codes;
  AdminPreferences preferences;
  bool operator==(const AdminFilters&) const = default;
};

struct AdminGroupMappingOptions {
  std::int64_t add_to_users_as = 0;  // 0 membership, 1 primary, 2 secondary
  bool operator==(const AdminGroupMappingOptions&) const = default;
};

struct AdminGroupMapping {
  std::string name;
  AdminGroupMappingOptions options;
  bool operator==(const AdminGroupMapping&) const = default;
};

struct Admin {
  std::int64_t id = 0;
  std::int64_t status = 1;  // 1 enabled, 0 disabled
  std::string username;
  std::string description;
  std::string password;  // plain on its way in, the hash once stored
  std::string email;
  std::vector<std::string> permissions;
  AdminFilters filters;
  std::string additional_info;
  std::vector<AdminGroupMapping> groups;
  std::int64_t created_at = 0;  // Unix ms; kept by the store, as are the next two
  std::int64_t updated_at = 0;
  std::int64_t last_login = 0;
  std::string role;

  // Whether "*" or `permission` itself is granted.
  bool may(std::string_view permission) const;
  bool operator==(const Admin&) const = default;
};

using AdminPtr = std::shared_ptr<const Admin>;

}  // namespace ferry::model
