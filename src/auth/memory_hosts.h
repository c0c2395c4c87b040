// The defender's scores and bans in memory (common.defender.driver "memory"), bounded.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

#include "auth/recent_hosts.h"
#include "store/defender_hosts.h"

namespace ferry::auth {

class MemoryHosts final : public store::DefenderHosts {
 public:
  // Keeps up to `hard` hosts with a score and up to `hard` banned ones. With one more, hosts are forgotten until `soft`
  // are left: those seen least recently, and the banned ones whose ban ends first. 0 < soft <= hard.
  MemoryHosts(std::size_t soft, std::size_t hard);

  Result<std::vector<store::DefenderHost>> defender_hosts(store::DefenderTimes times, std::size_t limit) override;
  Result<store::DefenderHost> defender_host(std::string_view ip, store::DefenderTimes times) override;
  Result<store::DefenderHost> add_defender_event(const store::DefenderEvent& event,
                                                 store::DefenderTimes times) override;
  Result<std::int64_t> extend_ban(std::string_view ip, std::int64_t now, std::int64_t by) override;
  Result<void> delete_defender_host(std::string_view ip) override;
  Result<void> forget_defender_hosts(store::DefenderTimes times) override;

 private:
  struct Event {
    std::int64_t at = 0, score = 0;
  };
  // At most threshold / smallest score: then the host is banned, and its events are cleared.
  using Events = std::vector<Event>;
  struct LessAddress {
    bool operator()(const std::pair<std::int64_t, IpAddress>& a, const std::pair<std::int64_t, IpAddress>& b) const {
      return a.first != b.first ? a.first < b.first : a.second.bytes() < b.second.bytes();
    }
  };

  static std::int64_t score_of(const Events& events, store::DefenderTimes times);
  // 0: not banned.
  std::int64_t ban_of(const IpAddress& address, std::int64_t now) const;
  void ban(const IpAddress& address, std::int64_t until);
  bool unban(const IpAddress& address);

  std::mutex mutex_;
  RecentHosts<Events> scored_;
  Thinning thinning_;                                                  // of the banned
  std::unordered_map<IpAddress, std::int64_t, IpAddressHash> banned_;  // until when
  std::set<std::pair<std::int64_t, IpAddress>, LessAddress> endings_;  // the same, by time
};

}  // namespace ferry::auth
