// What the IP lists say about an address: the lists of the data provider, and the defender's files. All are kept in
// memory. When several networks contain the address the smallest decides: with 10.0.0.0/8 denied and 10.1.0.0/16
// allowed, 10.1.2.3 is allowed.
//
//   rules.replace(*provider.all_ip_list_entries());                   // at start
//   accounts.on_ip_list_change([&](auto type, auto& name) { rules.refresh(provider, type, name); });
//   if (rules.on(IpListType::defender, ip, Protocol::ssh) == IpRules::Verdict::deny) ...
//
// Safe from any thread. Only refresh and reload ask the provider, and so block.
#pragma once

#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/network_map.h"
#include "base/protocol.h"
#include "model/ip_list.h"
#include "store/ip_lists.h"

namespace ferry::auth {

class IpRules {
 public:
  enum class Verdict : std::uint8_t { none, allow, deny };

  Verdict on(model::IpListType list, const IpAddress& address, Protocol protocol) const;

  // Everything that the provider holds.
  Result<void> reload(store::IpLists& provider);
  // Reads one entry again. Two changes of one entry may call this in the wrong order: both read what is stored, so the
  // last change counts all the same.
  Result<void> refresh(store::IpLists& provider, model::IpListType type, const std::string& ipornet);
  // The addresses of the defender's files: `safe` are never banned, `blocked` are always refused.
  void set_files(const std::vector<IpNetwork>& safe, const std::vector<IpNetwork>& blocked);

 private:
  // For each protocol a bit.
  struct Rule {
    std::uint8_t allow = 0, deny = 0;
  };
  using Rules = NetworkMap<Rule>;

  static void put(Rules (&lists)[3], const model::IpListEntry& entry);

  std::mutex refreshing_;  // held from reading the provider until lists_ is changed
  mutable std::shared_mutex mutex_;
  Rules lists_[3];  // by IpListType
  Rules files_;
};

}  // namespace ferry::auth
