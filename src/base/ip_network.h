// IP addresses and networks for filters: "10.0.0.0/8", "2001:db8::/32", or one address.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ferry {

// An address of either family; IPv4 is kept in its IPv6-mapped form, so ::ffff:10.0.0.1 is 10.0.0.1.
class IpAddress {
 public:
  IpAddress() = default;
  explicit IpAddress(const std::array<std::uint8_t, 16>& bytes) : bytes_(bytes) {}
  // invalid_argument: not an address (a zone "%eth0" is cut off, brackets are not accepted).
  static Result<IpAddress> parse(std::string_view text);
  bool is_v4() const;
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  // "192.0.2.1", "2001:db8::1".
  std::string to_string() const;
  bool operator==(const IpAddress&) const = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

// For hash tables that hold clients' addresses. Seeded at random for each process, so that an attacker with many IPv6
// addresses cannot choose ones that all fall into one bucket.
struct IpAddressHash {
  std::size_t operator()(const IpAddress& address) const;
};

class IpNetwork {
 public:
  // "address/prefix", or an address alone for a network of one. Host bits are dropped.
  static Result<IpNetwork> parse(std::string_view text);
  bool contains(const IpAddress& address) const;
  const IpAddress& base() const { return base_; }
  unsigned prefix() const { return prefix_; }  // of the 128-bit form: "10.0.0.0/8" has 104
  // The one text of this network: "10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32".
  std::string to_string() const;
  bool operator==(const IpNetwork&) const = default;

 private:
  IpAddress base_;
  unsigned prefix_ = 128;  // of the 128-bit form
};

// Whether one of `networks` (as text) contains `address`. A text that is no network contains nothing.
bool any_contains(std::span<const std::string> networks, const IpAddress& address);

}  // namespace ferry
