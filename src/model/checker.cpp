#include "model/checker.h"

#include <filesystem>

#include "base/ip_network.h"
#include "model/public_key.h"

namespace ferry::model {

void Checker::name(const NamingRules& rules, std::string_view field, std::string& name) {
  name = rules.convert(name);
  const auto checked = rules.check(field, name);
  if (!checked && ok()) error_ = checked.error().message;
}

void Checker::range(std::string_view field, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value >= least && value <= most) return;
  require(false, field, "must be from " + std::to_string(least) + " to " + std::to_string(most));
}

void Checker::words(std::string_view field, std::vector<std::string>& list, std::span<const std::string_view> known) {
  for (const std::string& word : list) {
    require(std::ranges::find(known, word) != known.end(), field, "unknown value \"" + word + "\"");
  }
  drop_duplicates(list);
}

void Checker::networks(std::string_view field, std::vector<std::string>& list) {
  for (std::string& text : list) {
    const auto network = IpNetwork::parse(text);
    require(network.has_value(), field, "\"" + text + "\" is not an IP address or network");
    if (network && !text.contains('/')) text = network->to_string();
  }
}

// Only what would break a mail header is refused; the mail server knows better than any pattern.
void Checker::email(std::string_view field, std::string_view address) {
  if (address.empty()) return;
  const std::size_t at = address.rfind('@');
  const bool blank = std::ranges::any_of(address, [](unsigned char c) { return c <= ' ' || c == 0x7f; });
  require(at != std::string_view::npos && at > 0 && at + 1 < address.size() && !blank && address.size() <= 254, field,
          "not an email address");
}

void Checker::real_path(std::string_view field, std::string& path) {
  if (!require(path.starts_with('/'), field, "an absolute path is required")) return;
  if (!require(path.size() <= VirtualPath::max_length && path.find('\0') == std::string::npos, field,
               "not a valid path")) {
    return;
  }
  path = std::filesystem::path(path).lexically_normal().string();
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
}

void Checker::virtual_path(std::string_view field, std::string& path) {
  if (!require(path.starts_with('/'), field, "an absolute path is required, not \"" + path + "\"")) return;
  const auto parsed = VirtualPath::parse(path);
  if (require(parsed.has_value(), field, "not a valid path")) path = parsed->text();
}

void Checker::public_keys(std::string_view field, std::vector<std::string>& keys) {
  for (std::string& key : keys) {
    const std::size_t begin = key.find_first_not_of(" \t\r\n");
    key = begin == std::string::npos ? "" : key.substr(begin, key.find_last_not_of(" \t\r\n") + 1 - begin);
  }
  std::erase(keys, "");
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto key = parse_authorized_key(keys[i]);
    const auto usable = key ? check_usable(*key) : Result<void>(fail(key.error()));
    if (!usable) require(false, field, "key " + std::to_string(i + 1) + ": " + usable.error().message);
  }
  drop_duplicates(keys);
}

}  // namespace ferry::model
