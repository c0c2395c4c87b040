#include "base/ip_network.h"

#include <arpa/inet.h>
#include <sys/random.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace ferry {

namespace {
constexpr std::array<std::uint8_t, 12> v4_prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct HashKey {
  HashKey() {
    if (::getrandom(words, sizeof words, 0) != sizeof words) words[0] = reinterpret_cast<std::uintptr_t>(this);
  }
  std::uint64_t words[4] = {};
};

// Both halves of a 128-bit product: each bit of the result hangs on all of both factors.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}
}  // namespace

Result<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string plain(text.substr(0, text.find('%')));
  IpAddress address;
  if (plain.size() <= INET6_ADDRSTRLEN && plain.find('\0') == std::string::npos) {
    if (inet_pton(AF_INET6, plain.c_str(), address.bytes_.data()) == 1) return address;
    std::ranges::copy(v4_prefix, address.bytes_.begin());
    if (plain == text && inet_pton(AF_INET, plain.c_str(), address.bytes_.data() + 12) == 1) return address;
  }
  return fail(ErrorCode::invalid_argument, "not an IP address");
}

bool IpAddress::is_v4() const { return std::equal(v4_prefix.begin(), v4_prefix.end(), bytes_.begin()); }

std::string IpAddress::to_string() const {
  char text[INET6_ADDRSTRLEN] = {};
  if (is_v4()) {
    ::inet_ntop(AF_INET, bytes_.data() + 12, text, sizeof text);
  } else {
    ::inet_ntop(AF_INET6, bytes_.data(), text, sizeof text);
  }
  return text;
}

std::size_t IpAddressHash::operator()(const IpAddress& address) const {
  static const HashKey key;
  std::uint64_t high = 0, low = 0;
  std::memcpy(&high, address.bytes().data(), 8);
  std::memcpy(&low, address.bytes().data() + 8, 8);
  return mix(mix(high ^ key.words[0], key.words[1] | 1) ^ low ^ key.words[2], key.words[3] | 1);
}

Result<IpNetwork> IpNetwork::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  auto address = IpAddress::parse(host);
  if (!address || host.contains('%')) return fail(ErrorCode::invalid_argument, "not an IP address or network");
  // "10.0.0.0/8" counts from the start of the IPv4 part; "::ffff:10.0.0.0/104" from the start of the whole.
  const bool dotted = !host.contains(':');
  IpNetwork network;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    unsigned length = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() ||
        length > (dotted ? 32 : 128)) {
      return fail(ErrorCode::invalid_argument, "the network's prefix length is not valid");
    }
    network.prefix_ = dotted ? length + 96 : length;
  }
  std::array<std::uint8_t, 16> bytes = address->bytes();
  for (unsigned bit = network.prefix_; bit < 128; ++bit) {
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] & ~(0x80U >> (bit % 8)));
  }
  network.base_ = IpAddress(bytes);
  return network;
}

bool IpNetwork::contains(const IpAddress& address) const {
  if (address.is_v4() && prefix_ < 96) return false;  // "::/0" is every IPv6 address, no IPv4 one
  const unsigned whole = prefix_ / 8, rest = prefix_ % 8;
  const auto& ours = base_.bytes();
  const auto& theirs = address.bytes();
  if (!std::equal(ours.begin(), ours.begin() + whole, theirs.begin())) return false;
  return rest == 0 || ((ours[whole] ^ theirs[whole]) & (0xff00U >> rest) & 0xffU) == 0;
}

std::string IpNetwork::to_string() const {
  const bool dotted = base_.is_v4() && prefix_ >= 96;
  return base_.to_string() + "/" + std::to_string(dotted ? prefix_ - 96 : prefix_);
}

bool any_contains(std::span<const std::string> networks, const IpAddress& address) {
  return std::ranges::any_of(networks, [&](const std::string& text) {
    const auto network = IpNetwork::parse(text);
    return network && network->contains(address);
  });
}

}  // namespace ferry
