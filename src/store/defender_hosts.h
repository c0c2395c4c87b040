// What the defender keeps in the data provider with driver "provider"; store/provider.h says what holds for every call.
//
// Hosts are named by their address as text. Times are Unix milliseconds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ferry::store {

struct DefenderHost {
  std::string ip;
  std::int64_t score = 0;         // of the events that count; none while banned
  std::int64_t banned_until = 0;  // 0: not banned
  bool operator==(const DefenderHost&) const = default;
};

struct DefenderTimes {
  std::int64_t now = 0;
  std::int64_t since = 0;  // events before it do not count
};

// One event, and what makes a ban of it.
struct DefenderEvent {
  std::string ip;
  std::int64_t score = 0;
  std::int64_t threshold = 0;
  std::int64_t ban_until = 0;
};

class DefenderHosts {
 public:
  virtual ~DefenderHosts() = default;

  // Those banned now and those with events that count, ordered by address.
  virtual Result<std::vector<DefenderHost>> defender_hosts(DefenderTimes times, std::size_t limit) = 0;
  // not_found: neither banned nor with events that count.
  virtual Result<DefenderHost> defender_host(std::string_view ip, DefenderTimes times) = 0;
  // Adds the event. If the host's score is above the threshold then, it is banned and its events are removed. Does
  // nothing to a host that is banned already. Answers the host as it is after that.
  virtual Result<DefenderHost> add_defender_event(const DefenderEvent& event, DefenderTimes times) = 0;
  // Makes the ban of a banned host longer by `by` ms. Answers the end of its ban; 0: it is not banned.
  virtual Result<std::int64_t> extend_ban(std::string_view ip, std::int64_t now, std::int64_t by) = 0;
  // not_found.
  virtual Result<void> delete_defender_host(std::string_view ip) = 0;
  // Removes events and bans that are over.
  virtual Result<void> forget_defender_hosts(DefenderTimes times) = 0;
};

}  // namespace ferry::store
