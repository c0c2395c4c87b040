#include "store/memory/engine.h"

namespace ferry::store::memory {

Result<void> Engine::check_owner(const model::ApiKey& key) const {
  if (!key.user.empty() && !users_.contains(key.user)) return fail_reference("user", "user", key.user);
  if (!key.admin.empty() && !admins_.contains(key.admin)) return fail_reference("admin", "admin", key.admin);
  return {};
}

void Engine::drop_keys_of(std::string_view user, std::string_view admin) {
  std::erase_if(api_keys_, [&](const auto& entry) {
    const model::ApiKey& key = entry.second;
    return (!user.empty() && key.user == user) || (!admin.empty() && key.admin == admin);
  });
}

Result<model::ApiKey> Engine::api_key(std::string_view id) {
  std::shared_lock lock(mutex_);
  const auto found = api_keys_.find(id);
  if (found == api_keys_.end()) return fail_missing("API key", id);
  return found->second;
}

Result<std::vector<model::ApiKey>> Engine::api_keys(Page page) {
  std::shared_lock lock(mutex_);
  std::vector<model::ApiKey> list;
  for_page(api_keys_, page, [&](const model::ApiKey& key) { list.push_back(key); });
  return list;
}

Result<model::ApiKey> Engine::add_api_key(model::ApiKey key, Origin origin) {
  std::unique_lock lock(mutex_);
  if (api_keys_.contains(key.id)) return fail_exists("API key", key.id);
  if (const auto known = check_owner(key); !known) return fail(known.error());
  set_store_fields(key, origin);
  return api_keys_[key.id] = std::move(key);
}

Result<model::ApiKey> Engine::change_api_key(std::string_view id, const Change<model::ApiKey>& change) {
  std::unique_lock lock(mutex_);
  const auto found = api_keys_.find(id);
  if (found == api_keys_.end()) return fail_missing("API key", id);
  model::ApiKey key = found->second;
  if (const auto changed = change(key); !changed) return fail(changed.error());
  if (const auto known = check_owner(key); !known) return fail(known.error());
  restore_store_fields(key, found->second);
  key.updated_at = now_ms();
  return found->second = std::move(key);
}

Result<void> Engine::delete_api_key(std::string_view id) {
  std::unique_lock lock(mutex_);
  const auto found = api_keys_.find(id);
  if (found == api_keys_.end()) return fail_missing("API key", id);
  api_keys_.erase(found);
  return {};
}

Result<void> Engine::set_api_key_last_use(std::string_view id, std::int64_t when) {
  std::unique_lock lock(mutex_);
  const auto found = api_keys_.find(id);
  if (found == api_keys_.end()) return fail_missing("API key", id);
  found->second.last_use_at = when;
  return {};
}

}  // namespace ferry::store::memory
