#include "auth/memory_hosts.h"

#include <algorithm>

namespace ferry::auth {

using store::DefenderHost;
using store::DefenderTimes;

namespace {

std::unexpected<Error> unknown(std::string_view ip) {
  return fail(ErrorCode::not_found, "host \"" + std::string(ip) + "\" does not exist");
}

}  // namespace

MemoryHosts::MemoryHosts(std::size_t soft, std::size_t hard) : scored_(soft, hard), thinning_(soft, hard) {
  banned_.reserve(thinning_.room());
}

std::int64_t MemoryHosts::score_of(const Events& events, DefenderTimes times) {
  std::int64_t score = 0;
  for (const Event& event : events) score += event.at >= times.since ? event.score : 0;
  return score;
}

std::int64_t MemoryHosts::ban_of(const IpAddress& address, std::int64_t now) const {
  const auto found = banned_.find(address);
  return found == banned_.end() || found->second <= now ? 0 : found->second;
}

void MemoryHosts::ban(const IpAddress& address, std::int64_t until) {
  unban(address);
  banned_[address] = until;
  endings_.emplace(until, address);
  thinning_.grown([this] { return banned_.size(); }, [this] { unban(endings_.begin()->second); });
}

bool MemoryHosts::unban(const IpAddress& address) {
  const auto found = banned_.find(address);
  if (found == banned_.end()) return false;
  endings_.erase({found->second, address});
  banned_.erase(found);
  return true;
}

Result<std::vector<DefenderHost>> MemoryHosts::defender_hosts(DefenderTimes times, std::size_t limit) {
  std::vector<DefenderHost> list;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [address, until] : banned_) {
      if (until > times.now) list.push_back({address.to_string(), 0, until});
    }
    for (const auto& [address, events] : scored_) {
      if (const auto score = score_of(events, times); score != 0) list.push_back({address.to_string(), score, 0});
    }
  }
  std::ranges::sort(list, {}, &DefenderHost::ip);
  if (list.size() > limit) list.resize(limit);
  return list;
}

Result<DefenderHost> MemoryHosts::defender_host(std::string_view ip, DefenderTimes times) {
  const auto address = IpAddress::parse(ip);
  if (!address) return unknown(ip);
  const std::lock_guard lock(mutex_);
  DefenderHost host{address->to_string(), 0, ban_of(*address, times.now)};
  if (host.banned_until != 0) return host;
  if (const Events* events = scored_.find(*address)) host.score = score_of(*events, times);
  if (host.score == 0) return unknown(ip);
  return host;
}

Result<DefenderHost> MemoryHosts::add_defender_event(const store::DefenderEvent& event, DefenderTimes times) {
  const auto address = IpAddress::parse(event.ip);
  if (!address) return fail(address.error());
  const std::lock_guard lock(mutex_);
  DefenderHost host{event.ip, 0, ban_of(*address, times.now)};
  if (host.banned_until != 0) return host;
  Events& events = scored_.see(*address);
  std::erase_if(events, [&](const Event& one) { return one.at < times.since; });
  events.push_back({times.now, event.score});
  host.score = score_of(events, times);
  if (host.score <= event.threshold) return host;
  scored_.erase(*address);
  ban(*address, event.ban_until);
  return DefenderHost{event.ip, 0, event.ban_until};
}

Result<std::int64_t> MemoryHosts::extend_ban(std::string_view ip, std::int64_t now, std::int64_t by) {
  const auto address = IpAddress::parse(ip);
  if (!address) return fail(address.error());
  const std::lock_guard lock(mutex_);
  const std::int64_t until = ban_of(*address, now);
  if (until != 0 && by != 0) ban(*address, until + by);
  return until == 0 ? 0 : until + by;
}

Result<void> MemoryHosts::delete_defender_host(std::string_view ip) {
  const auto address = IpAddress::parse(ip);
  if (!address) return unknown(ip);
  const std::lock_guard lock(mutex_);
  const bool was_banned = unban(*address), had_score = scored_.find(*address) != nullptr;
  scored_.erase(*address);
  if (!was_banned && !had_score) return unknown(ip);
  return {};
}

Result<void> MemoryHosts::forget_defender_hosts(DefenderTimes times) {
  const std::lock_guard lock(mutex_);
  constexpr std::size_t at_once = 10'000;
  for (std::size_t i = 0; i < at_once && !endings_.empty() && endings_.begin()->first <= times.now; ++i) {
    unban(endings_.begin()->second);
  }
  scored_.forget_while([&](const Events& events) { return events.empty() || events.back().at < times.since; }, at_once);
  return {};
}

}  // namespace ferry::auth
