// Folders: storage with a name, which users mount somewhere in their tree (REST BaseVirtualFolder, VirtualFolder).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/filesystem.h"

namespace ferry::model {

struct Folder {
  std::int64_t id = 0;
  std::string name;
  std::string mapped_path;
  std::string description;
  std::int64_t used_quota_size = 0;    // bytes; kept by the store
  std::int64_t used_quota_files = 0;   // kept by the store
  std::int64_t last_quota_update = 0;  // Unix ms; kept by the store
  std::vector<std::string> users;      // who mounts it, by name; filled by the store, as are the groups
  std::vector<std::string> groups;
  FilesystemConfig filesystem;
  bool operator==(const Folder&) const = default;
};

// A folder mounted in a user's tree. On writing only its name and the fields below count.
struct VirtualFolder : Folder {
  std::string virtual_path;
  std::int64_t quota_size = 0;   // bytes, 0 unlimited, -1 inside the user's quota
  std::int64_t quota_files = 0;  // 0 unlimited, -1 inside the user's quota
  std::string subpath;           // the directory of the folder that is mounted, from "/"; empty: all of it
  bool operator==(const VirtualFolder&) const = default;
};

}  // namespace ferry::model
