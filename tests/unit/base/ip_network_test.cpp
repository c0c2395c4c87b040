#include "base/ip_network.h"

#include <gtest/gtest.h>

#include <vector>

namespace ferry {
namespace {

bool contains(const char* network, const char* address) {
  return IpNetwork::parse(network)->contains(*IpAddress::parse(address));
}

TEST(IpNetwork, Contains) {
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.1.2"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(contains("10.9.9.9/8", "10.0.0.1"));
  EXPECT_TRUE(contains("192.168.1.128/25", "192.168.1.129"));
  EXPECT_FALSE(contains("192.168.1.128/25", "192.168.1.127"));
  EXPECT_TRUE(contains("1.2.3.4", "::ffff:1.2.3.4"));
  EXPECT_FALSE(contains("1.2.3.4", "1.2.3.5"));
  EXPECT_TRUE(contains("0.0.0.0/0", "255.1.1.1"));
  EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(contains("::/0", "2001:db8::1"));
  EXPECT_FALSE(contains("::/0", "1.2.3.4"));
  EXPECT_TRUE(contains("fe80::/10", "fe80::1%eth0"));
  EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::"));
  EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::"));
}

TEST(IpNetwork, RefusesWhatIsNone) {
  for (const char* text : {"", "a", "1.2.3", "1.2.3.4/", "1.2.3.4/33", "::/129", "1.2.3.4/-1", "1.2.3.4/8x", "[::1]",
                           "1.2.3.4/8/8", " 1.2.3.4", "fe80::1%eth0/64", "1.2.3.4%lo"}) {
    EXPECT_FALSE(IpNetwork::parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::parse("1.2.3.4:22"));
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0", 8)));
}

TEST(IpNetwork, AnyContainsIgnoresNonsense) {
  const std::vector<std::string> networks = {"nonsense", "10.0.0.0/8"};
  EXPECT_TRUE(any_contains(networks, *IpAddress::parse("10.1.1.1")));
  EXPECT_FALSE(any_contains(networks, *IpAddress::parse("9.1.1.1")));
}

}  // namespace
}  // namespace ferry
