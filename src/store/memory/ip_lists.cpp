#include "store/memory/engine.h"

namespace ferry::store::memory {

namespace {

std::string key_of(std::int64_t type, std::string_view ipornet) {
  return std::to_string(type) + " " + std::string(ipornet);
}
std::string key_of(model::IpListType type, std::string_view ipornet) {
  return key_of(static_cast<std::int64_t>(type), ipornet);
}

}  // namespace

Result<model::IpListEntry> Engine::ip_list_entry(model::IpListType type, std::string_view ipornet) {
  std::shared_lock lock(mutex_);
  const auto found = ip_lists_.find(key_of(type, ipornet));
  if (found == ip_lists_.end()) return fail_missing("IP list entry", ipornet);
  return found->second;
}

Result<std::vector<model::IpListEntry>> Engine::ip_list_entries(model::IpListType type, const IpListPage& page) {
  std::shared_lock lock(mutex_);
  const auto begin = ip_lists_.lower_bound(key_of(type, page.filter));
  const auto end = ip_lists_.lower_bound(key_of(type, page.filter) + "\x7f");
  std::vector<model::IpListEntry> list;
  const auto take = [&](const model::IpListEntry& entry) {
    const bool wanted = page.from.empty() || (page.descending ? entry.ipornet < page.from : entry.ipornet > page.from);
    if (wanted) list.push_back(entry);
    return list.size() < page.limit;
  };
  if (page.descending) {
    for (auto at = end; at != begin;) {
      if (!take((--at)->second)) break;
    }
  } else {
    for (auto at = begin; at != end; ++at) {
      if (!take(at->second)) break;
    }
  }
  return list;
}

Result<std::vector<model::IpListEntry>> Engine::all_ip_list_entries() {
  std::shared_lock lock(mutex_);
  std::vector<model::IpListEntry> list;
  for (const auto& [key, entry] : ip_lists_) list.push_back(entry);
  return list;
}

Result<model::IpListEntry> Engine::add_ip_list_entry(model::IpListEntry entry, Origin origin) {
  std::unique_lock lock(mutex_);
  set_store_fields(entry, origin);
  const auto [place, added] = ip_lists_.try_emplace(key_of(entry.type, entry.ipornet), entry);
  if (!added) return fail_exists("IP list entry", entry.ipornet);
  return place->second;
}

Result<model::IpListEntry> Engine::change_ip_list_entry(model::IpListType type, std::string_view ipornet,
                                                        const Change<model::IpListEntry>& change) {
  std::unique_lock lock(mutex_);
  const auto found = ip_lists_.find(key_of(type, ipornet));
  if (found == ip_lists_.end()) return fail_missing("IP list entry", ipornet);
  model::IpListEntry entry = found->second;
  if (const auto changed = change(entry); !changed) return fail(changed.error());
  restore_store_fields(entry, found->second);
  entry.updated_at = now_ms();
  return found->second = std::move(entry);
}

Result<void> Engine::delete_ip_list_entry(model::IpListType type, std::string_view ipornet) {
  std::unique_lock lock(mutex_);
  if (ip_lists_.erase(key_of(type, ipornet)) == 0) return fail_missing("IP list entry", ipornet);
  return {};
}

}  // namespace ferry::store::memory
