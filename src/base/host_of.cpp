#include "base/host_of.h"

namespace ferry {

IpAddress host_of(const IpAddress& address, unsigned ipv6_prefix) {
  if (address.is_v4() || ipv6_prefix >= 128) return address;
  std::array<std::uint8_t, 16> bytes = address.bytes();
  for (unsigned bit = ipv6_prefix; bit < 128; ++bit) {
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] & ~(0x80U >> (bit % 8)));
  }
  return IpAddress(bytes);
}

}  // namespace ferry
