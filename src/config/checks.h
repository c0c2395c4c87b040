// What a value must look like beyond its type, and how to say so in an error.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace ferry::config {

struct Check {
  std::int64_t least = std::numeric_limits<std::int64_t>::min();
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  bool (*accepts)(std::string_view text) = nullptr;  // for text and for each text of a list
  std::string_view expected;                         // what `accepts` wants, for the error
  std::span<const std::string_view> choices;         // one of these, when not empty

  // Narrows the range to what the member can hold.
  void limit(std::int64_t low, std::int64_t high);
  bool allows(std::int64_t value) const { return value >= least && value <= most; }
  bool allows(std::string_view text) const;
  // "an integer from 0 to 65535", "an IP address", "one of bcrypt, argon2id"
  std::string integer_form() const;
  std::string text_form() const;
};

Check range(std::int64_t least, std::int64_t most);
inline Check at_least(std::int64_t least) { return range(least, std::numeric_limits<std::int64_t>::max()); }
Check port_number();
Check flag();         // 0 or 1
Check tls_version();  // 12 or 13
Check one_of(std::span<const std::string_view> choices);
Check ip_address();      // or empty
Check host_address();    // the same, [an IPv6 address], or a host name as localhost
Check listen_address();  // the same, or the absolute path of a Unix-domain socket
Check network();         // an IP address or CIDR range
Check octal_mask();      // or empty
Check absolute_path();   // or empty
Check version_text();    // what may follow "SSH-2.0-" in a version line, or empty

}  // namespace ferry::config
