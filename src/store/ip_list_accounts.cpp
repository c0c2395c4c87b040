// The part of Accounts that writes IP lists.
#include "store/accounts.h"

namespace ferry::store {

namespace {

Result<std::string> normal(std::string_view ipornet) {
  const auto network = IpNetwork::parse(ipornet);
  if (!network) return fail(ErrorCode::invalid_argument, "ipornet: an IP address or network expected");
  return network->to_string();
}

}  // namespace

Result<model::IpListEntry> Accounts::ip_list_entry(model::IpListType type, std::string_view ipornet) {
  const auto name = normal(ipornet);
  if (!name) return fail(name.error());
  return provider_.ip_list_entry(type, *name);
}

Result<model::IpListEntry> Accounts::add_ip_list_entry(model::IpListEntry entry) {
  if (auto valid = check(entry); !valid) return fail(valid.error());
  auto added = provider_.add_ip_list_entry(std::move(entry));
  if (added) tell(static_cast<model::IpListType>(added->type), added->ipornet);
  return added;
}

Result<model::IpListEntry> Accounts::update_ip_list_entry(model::IpListType type, std::string_view ipornet,
                                                          model::IpListEntry entry) {
  const auto name = normal(ipornet);
  if (!name) return fail(name.error());
  entry.type = static_cast<std::int64_t>(type);
  entry.ipornet = *name;
  if (auto valid = check(entry); !valid) return fail(valid.error());
  auto changed = provider_.change_ip_list_entry(type, *name, [&](model::IpListEntry& stored) -> Result<void> {
    stored = std::move(entry);
    return {};
  });
  if (changed) tell(type, *name);
  return changed;
}

Result<void> Accounts::delete_ip_list_entry(model::IpListType type, std::string_view ipornet) {
  const auto name = normal(ipornet);
  if (!name) return fail(name.error());
  auto deleted = provider_.delete_ip_list_entry(type, *name);
  if (deleted) tell(type, *name);
  return deleted;
}

}  // namespace ferry::store
