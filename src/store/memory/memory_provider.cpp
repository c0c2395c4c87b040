#include "store/memory/memory_provider.h"

#include "store/memory/engine.h"

namespace ferry::store {

std::unique_ptr<Provider> make_memory_provider() { return std::make_unique<memory::Engine>(); }

namespace memory {

Result<Snapshot> Engine::snapshot() {
  std::shared_lock lock(mutex_);
  Snapshot all;
  for (const auto& [name, user] : users_) all.users.push_back(shown(user));
  for (const auto& [name, group] : groups_) all.groups.push_back(shown(group));
  for (const auto& [name, folder] : folders_) all.folders.push_back(shown(folder));
  for (const auto& [name, admin] : admins_) all.admins.push_back(admin);
  for (const auto& [name, role] : roles_) all.roles.push_back(shown(role));
  for (const auto& [key, entry] : ip_lists_) all.ip_lists.push_back(entry);
  for (const auto& [id, key] : api_keys_) all.api_keys.push_back(key);
  return all;
}

}  // namespace memory

}  // namespace ferry::store
