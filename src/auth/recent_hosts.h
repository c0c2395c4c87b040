// A table from addresses to values, which forgets those not seen for longest: keeps data about unknown clients in
// bounded memory. Not thread-safe.
#pragma once

#include <algorithm>
#include <list>
#include <unordered_map>
#include <utility>

#include "base/ip_network.h"

namespace ferry::auth {

// Decides how many entries to remove from a table that has grown above `hard`, until `soft` are left. It removes at
// most `at_once` for each entry added: with limits of a million, removing all at once would hold up one client for
// long.
class Thinning {
 public:
  static constexpr std::size_t at_once = 100;
  // 0 < soft <= hard.
  Thinning(std::size_t soft, std::size_t hard) : soft_(soft), hard_(hard) {}
  // Call it after each entry added. `size()`: of the table; `forget_one()` removes one entry.
  template <class Size, class ForgetOne>
  void grown(Size size, ForgetOne forget_one) {
    if (size() > hard_) active_ = true;
    for (std::size_t i = 0; active_ && i < at_once; ++i) {
      if (size() > soft_) {
        forget_one();
      } else {
        active_ = false;
      }
    }
  }
  // For how many entries to reserve memory at the start (a million at most): rehashing a large table while a client
  // waits takes long.
  std::size_t room() const { return std::min(hard_ + 1, std::size_t{1} << 20); }

 private:
  std::size_t soft_, hard_;
  bool active_ = false;
};

template <class Value>
class RecentHosts {
 public:
  // Above `hard` entries those not seen for longest are forgotten until `soft` are left. 0 < soft <= hard.
  RecentHosts(std::size_t soft, std::size_t hard) : thinning_(soft, hard) { places_.reserve(thinning_.room()); }

  // Null when there is none.
  Value* find(const IpAddress& address) {
    const auto found = places_.find(address);
    return found == places_.end() ? nullptr : &found->second->second;
  }
  // The address's value, made when there is none. The address counts as seen now.
  Value& see(const IpAddress& address) {
    const auto [found, made] = places_.try_emplace(address);
    if (made) {
      hosts_.emplace_back(address, Value{});
      found->second = std::prev(hosts_.end());
      const auto place = found->second;
      thinning_.grown([this] { return places_.size(); }, [this] { forget_oldest(); });
      return place->second;
    }
    hosts_.splice(hosts_.end(), hosts_, found->second);
    return found->second->second;
  }
  void erase(const IpAddress& address) {
    const auto found = places_.find(address);
    if (found == places_.end()) return;
    hosts_.erase(found->second);
    places_.erase(found);
  }
  // Removes entries while `over(value)` says so, beginning with the one not seen for longest, at most `most` of them.
  template <class Over>
  void forget_while(Over over, std::size_t most) {
    for (; most > 0 && !hosts_.empty() && over(hosts_.front().second); --most) forget_oldest();
  }
  std::size_t size() const { return places_.size(); }
  auto begin() const { return hosts_.begin(); }
  auto end() const { return hosts_.end(); }

 private:
  void forget_oldest() {
    places_.erase(hosts_.front().first);
    hosts_.pop_front();
  }

  using List = std::list<std::pair<IpAddress, Value>>;
  Thinning thinning_;
  List hosts_;  // the one seen last is the last
  std::unordered_map<IpAddress, typename List::iterator, IpAddressHash> places_;
};

}  // namespace ferry::auth
