// Groups: settings that their users inherit (REST schema Group, field names as in its JSON).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/filesystem.h"
#include "model/filters.h"
#include "model/folder.h"
#include "model/user.h"

namespace ferry::model {

// What a user inherits; 0, false and empty mean "not set". model/effective_user.h has the rules.
struct GroupUserSettings {
  std::string home_dir;
  std::int64_t max_sessions = 0;
  std::int64_t quota_size = 0;  // bytes
  std::int64_t quota_files = 0;
  Permissions permissions;
  std::int64_t upload_bandwidth = 0;        // KB/s
  std::int64_t download_bandwidth = 0;      // KB/s
  std::int64_t upload_data_transfer = 0;    // MB
  std::int64_t download_data_transfer = 0;  // MB
  std::int64_t total_data_transfer = 0;     // MB
  std::int64_t expires_in = 0;              // days after the user's creation
  BaseUserFilters filters;
  FilesystemConfig filesystem;
  bool operator==(const GroupUserSettings&) const = default;
};

struct Group {
  std::int64_t id = 0;
  std::string name;
  std::string description;
  std::int64_t created_at = 0;  // Unix ms; kept by the store, as is the next
  std::int64_t updated_at = 0;
  GroupUserSettings user_settings;
  std::vector<VirtualFolder> virtual_folders;
  std::vector<std::string> users;   // who is in it, by name; filled by the store, as are the admins
  std::vector<std::string> admins;  // whose new users join it
  bool operator==(const Group&) const = default;
};

}  // namespace ferry::model
