#include <algorithm>

#include "store/memory/engine.h"

namespace ferry::store::memory {

namespace {

// The host as it is shown; score and ban are 0 when nothing of it counts.
DefenderHost seen(const std::string& ip, const DefenderRecord& record, DefenderTimes times) {
  if (record.banned_until > times.now) return {ip, 0, record.banned_until};
  DefenderHost host{ip, 0, 0};
  for (const auto& [at, score] : record.events) host.score += at >= times.since ? score : 0;
  return host;
}

bool counts(const DefenderHost& host) { return host.score != 0 || host.banned_until != 0; }

}  // namespace

Result<std::vector<DefenderHost>> Engine::defender_hosts(DefenderTimes times, std::size_t limit) {
  std::shared_lock lock(mutex_);
  std::vector<DefenderHost> list;
  for (const auto& [ip, record] : defender_) {
    if (list.size() == limit) break;
    if (auto host = seen(ip, record, times); counts(host)) list.push_back(std::move(host));
  }
  return list;
}

Result<DefenderHost> Engine::defender_host(std::string_view ip, DefenderTimes times) {
  std::shared_lock lock(mutex_);
  const auto found = defender_.find(ip);
  DefenderHost host;
  if (found != defender_.end()) host = seen(found->first, found->second, times);
  if (!counts(host)) return fail_missing("host", ip);
  return host;
}

Result<DefenderHost> Engine::add_defender_event(const DefenderEvent& event, DefenderTimes times) {
  std::unique_lock lock(mutex_);
  DefenderRecord& record = defender_[event.ip];
  if (record.banned_until > times.now) return seen(event.ip, record, times);
  record.banned_until = 0;
  std::erase_if(record.events, [&](const auto& one) { return one.first < times.since; });
  record.events.emplace_back(times.now, event.score);
  if (seen(event.ip, record, times).score > event.threshold) {
    record.banned_until = event.ban_until;
    record.events.clear();
  }
  return seen(event.ip, record, times);
}

Result<std::int64_t> Engine::extend_ban(std::string_view ip, std::int64_t now, std::int64_t by) {
  std::unique_lock lock(mutex_);
  const auto found = defender_.find(ip);
  if (found == defender_.end() || found->second.banned_until <= now) return 0;
  return found->second.banned_until += by;
}

Result<void> Engine::delete_defender_host(std::string_view ip) {
  std::unique_lock lock(mutex_);
  const auto found = defender_.find(ip);
  if (found == defender_.end()) return fail_missing("host", ip);
  defender_.erase(found);
  return {};
}

Result<void> Engine::forget_defender_hosts(DefenderTimes times) {
  std::unique_lock lock(mutex_);
  std::erase_if(defender_, [&](const auto& entry) { return !counts(seen(entry.first, entry.second, times)); });
  return {};
}

}  // namespace ferry::store::memory
