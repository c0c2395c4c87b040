#include "auth/ip_rules.h"

#include <utility>

namespace ferry::auth {

namespace {

constexpr std::uint8_t every_protocol = 0xff;

std::size_t index_of(model::IpListType type) { return static_cast<std::size_t>(type) - 1; }

}  // namespace

IpRules::Verdict IpRules::on(model::IpListType list, const IpAddress& address, Protocol protocol) const {
  Verdict verdict = Verdict::none;
  unsigned decided = 0;
  const auto look = [&](unsigned prefix, const Rule& rule) {
    const bool allow = (rule.allow & bit(protocol)) != 0, deny = (rule.deny & bit(protocol)) != 0;
    if ((!allow && !deny) || prefix < decided) return;
    // A file and a list may hold the same network.
    const bool denied_already = prefix == decided && verdict == Verdict::deny;
    decided = prefix;
    verdict = deny || denied_already ? Verdict::deny : Verdict::allow;
  };
  const std::shared_lock lock(mutex_);
  lists_[index_of(list)].visit(address, look);
  if (list == model::IpListType::defender) files_.visit(address, look);
  return verdict;
}

void IpRules::put(Rules (&lists)[3], const model::IpListEntry& entry) {
  const auto network = IpNetwork::parse(entry.ipornet);
  if (!network || entry.type < 1 || entry.type > 3) return;  // validated before it was stored
  const std::uint8_t protocols = entry.protocols == 0 ? every_protocol : static_cast<std::uint8_t>(entry.protocols);
  const bool deny = entry.mode == static_cast<std::int64_t>(model::IpListMode::deny);
  lists[entry.type - 1][*network] = deny ? Rule{.allow = 0, .deny = protocols} : Rule{.allow = protocols, .deny = 0};
}

Result<void> IpRules::reload(store::IpLists& provider) {
  const std::lock_guard refreshing(refreshing_);
  const auto all = provider.all_ip_list_entries();
  if (!all) return fail(all.error());
  Rules fresh[3];
  for (const model::IpListEntry& entry : *all) put(fresh, entry);
  const std::unique_lock lock(mutex_);
  std::swap(lists_, fresh);
  return {};
}

Result<void> IpRules::refresh(store::IpLists& provider, model::IpListType type, const std::string& ipornet) {
  const auto network = IpNetwork::parse(ipornet);
  if (!network) return fail(network.error());
  const std::lock_guard refreshing(refreshing_);
  const auto entry = provider.ip_list_entry(type, ipornet);
  if (!entry && entry.error().code != ErrorCode::not_found) return fail(entry.error());
  const std::unique_lock lock(mutex_);
  if (entry) {
    put(lists_, *entry);
  } else {
    lists_[index_of(type)].erase(*network);
  }
  return {};
}

void IpRules::set_files(const std::vector<IpNetwork>& safe, const std::vector<IpNetwork>& blocked) {
  Rules fresh;
  for (const IpNetwork& network : safe) fresh[network].allow = every_protocol;
  for (const IpNetwork& network : blocked) fresh[network].deny = every_protocol;
  const std::unique_lock lock(mutex_);
  std::swap(files_, fresh);
}

}  // namespace ferry::auth
