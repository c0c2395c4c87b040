// Roles: an administrator with a role sees and manages the users of that role only (REST schema Role).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ferry::model {

struct Role {
  std::int64_t id = 0;
  std::string name;
  std::string description;
  std::int64_t created_at = 0;  // Unix ms; kept by the store, as is the next
  std::int64_t updated_at = 0;
  std::vector<std::string> users;  // by name; filled by the store, as are the admins
  std::vector<std::string> admins;
  bool operator==(const Role&) const = default;
};

}  // namespace ferry::model
