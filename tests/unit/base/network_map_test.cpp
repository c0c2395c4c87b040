#include "base/network_map.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace ferry {
namespace {

IpNetwork net(std::string_view text) { return IpNetwork::parse(text).value(); }
IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

std::vector<int> seen(const NetworkMap<int>& map, std::string_view address) {
  std::vector<int> values;
  map.visit(ip(address), [&](unsigned, int value) { values.push_back(value); });
  return values;
}

TEST(NetworkMap, FindsEveryNetworkThatHoldsAnAddress) {
  NetworkMap<int> map;
  map[net("10.0.0.0/8")] = 1;
  map[net("10.1.0.0/16")] = 2;
  map[net("10.1.2.3")] = 3;
  map[net("0.0.0.0/0")] = 4;
  map[net("2001:db8::/32")] = 5;
  map[net("::/0")] = 6;
  EXPECT_EQ(seen(map, "10.1.2.3"), (std::vector{4, 1, 2, 3}));
  EXPECT_EQ(seen(map, "::ffff:10.1.2.3"), (std::vector{4, 1, 2, 3}));
  EXPECT_EQ(seen(map, "10.1.2.4"), (std::vector{4, 1, 2}));
  EXPECT_EQ(seen(map, "11.0.0.0"), (std::vector{4}));
  EXPECT_EQ(seen(map, "2001:db8::7"), (std::vector{6, 5}));
  EXPECT_EQ(seen(map, "2001:db9::7"), (std::vector{6}));
}

// As a list of the same networks would have it, while they come and go.
TEST(NetworkMap, AgreesWithAListOfNetworks) {
  std::mt19937 random(7);
  NetworkMap<int> map;
  std::map<std::string, int> list;
  const auto some_network = [&] {
    if (random() % 4 == 0)
      return net("2001:db8:" + std::to_string(random() % 8) + "::/" + std::to_string(random() % 129));
    return net("10." + std::to_string(random() % 4) + "." + std::to_string(random() % 4) + "." +
               std::to_string(random() % 256) + "/" + std::to_string(random() % 33));
  };
  for (int turn = 0; turn < 20000; ++turn) {
    const IpNetwork network = some_network();
    if (random() % 2 == 0) {
      map[network] = turn;
      list[network.to_string()] = turn;
    } else {
      map.erase(network);
      list.erase(network.to_string());
    }
    ASSERT_EQ(map.size(), list.size());
    if (turn % 50 != 0) continue;
    const std::string address = random() % 2 == 0 ? "10.1.2." + std::to_string(random() % 256) : "2001:db8:3::";
    std::map<unsigned, int> expected;
    for (const auto& [text, value] : list) {
      if (net(text).contains(ip(address))) expected[net(text).prefix()] = value;
    }
    std::map<unsigned, int> found;
    map.visit(ip(address), [&](unsigned prefix, int value) { found[prefix] = value; });
    ASSERT_EQ(found, expected) << address;
  }
  for (const auto& [text, value] : list) EXPECT_EQ(*map.find(net(text)), value);
  const auto rest = list;
  for (const auto& [text, value] : rest) map.erase(net(text));
  EXPECT_EQ(map.size(), 0U);
  EXPECT_TRUE(seen(map, "10.1.2.3").empty());
}

TEST(NetworkMap, NetworksHaveOneText) {
  EXPECT_EQ(net("192.0.2.1").to_string(), "192.0.2.1/32");
  EXPECT_EQ(net("192.0.2.77/24").to_string(), "192.0.2.0/24");
  EXPECT_EQ(net("::ffff:10.0.0.0/104").to_string(), "10.0.0.0/8");
  EXPECT_EQ(net("2001:DB8:0:0::1/32").to_string(), "2001:db8::/32");
  EXPECT_EQ(net("::1").to_string(), "::1/128");
  EXPECT_EQ(net("::/0").to_string(), "::/0");
  EXPECT_EQ(net("0.0.0.0/0").to_string(), "0.0.0.0/0");
}

}  // namespace
}  // namespace ferry
