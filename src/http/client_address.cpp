#include "http/client_address.h"

#include <algorithm>
#include <vector>

namespace ferry::http {

namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

}  // namespace

std::optional<IpAddress> client_address(const Headers& headers, const ClientAddressRules& rules) {
  // Fields of one name are one list (RFC 9110 section 5.3): a client cannot put its own behind the proxy's.
  std::vector<std::string_view> list;
  for (const auto& [name, value] : headers) {
    if (!equal_ignoring_case(name, rules.field)) continue;
    for (std::string_view rest = value;;) {
      const std::size_t comma = rest.find(',');
      list.push_back(trimmed(rest.substr(0, comma)));
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  if (list.empty()) return std::nullopt;
  const auto depth = static_cast<std::size_t>(std::max(rules.depth, 0));
  if (rules.depth >= 0 && depth >= list.size()) return std::nullopt;
  const auto address = IpAddress::parse(rules.depth < 0 ? list.front() : list[list.size() - 1 - depth]);
  return address ? std::optional(*address) : std::nullopt;
}

}  // namespace ferry::http
