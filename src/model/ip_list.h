// IP lists: addresses and networks that are let in, kept out, or not limited (REST schema IPListEntry).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ip_network.h"

namespace ferry::model {

enum class IpListType : std::uint8_t { allow_list = 1, defender = 2, rate_limiter_safe_list = 3 };
enum class IpListMode : std::uint8_t { allow = 1, deny = 2 };  // deny: on the defender's list only

struct IpListEntry {
  std::string ipornet;  // as IpNetwork::to_string writes it once validated
  std::string description;
  std::int64_t type = 0;        // IpListType
  std::int64_t mode = 0;        // IpListMode
  std::int64_t protocols = 0;   // base/protocol.h, added up; 0: all
  std::int64_t created_at = 0;  // Unix ms; kept by the store, as is the next
  std::int64_t updated_at = 0;
  bool operator==(const IpListEntry&) const = default;
};

// The files of SFTPGo 2.2: {"addresses": [...], "networks": [...]}. invalid_argument names what is wrong.
Result<std::vector<IpNetwork>> networks_from_text(std::string_view json);

}  // namespace ferry::model
