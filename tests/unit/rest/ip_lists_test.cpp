// /iplists
#include "tests/unit/rest/rest_fixture.h"

namespace ferry::test {
namespace {

using RestIpLists = RestTest;

json entry(int type, const std::string& ipornet, int mode = 1) {
  return {{"ipornet", ipornet}, {"type", type}, {"mode", mode}, {"protocols", 1}, {"description", "d"}};
}

TEST_F(RestIpLists, create_read_change_remove) {
  const Answer created = call("POST", "/iplists/2", entry(2, "192.0.2.7/24", 2));
  ASSERT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(created.header("Location"), "/api/v2/iplists/2/192.0.2.0%2F24");
  json shown = call("GET", "/iplists/2/192.0.2.0%2F24").parsed();
  EXPECT_GT(shown["created_at"].get<std::int64_t>(), 0);
  EXPECT_EQ(shown["type"], 2);
  EXPECT_EQ(shown["mode"], 2);
  EXPECT_EQ(shown["protocols"], 1);
  EXPECT_EQ(shown["ipornet"], "192.0.2.0/24");
  EXPECT_EQ(call("POST", "/iplists/2", entry(2, "192.0.2.0/24")).status, 409);
  EXPECT_EQ(call("GET", "/iplists/1/192.0.2.0%2F24").status, 404);
  shown["description"] = "changed";
  shown["ipornet"] = "10.0.0.0/8";  // the path says which it is
  EXPECT_EQ(call("PUT", "/iplists/2/192.0.2.0%2F24", shown).status, 200);
  EXPECT_EQ(call("GET", "/iplists/2/192.0.2.0%2F24").parsed()["description"], "changed");
  EXPECT_EQ(call("GET", "/iplists/2/10.0.0.0%2F8").status, 404);
  EXPECT_EQ(call("DELETE", "/iplists/2/192.0.2.0%2F24").status, 200);
  EXPECT_EQ(call("DELETE", "/iplists/2/192.0.2.0%2F24").status, 404);
}

TEST_F(RestIpLists, an_address_is_a_network_of_one) {
  ASSERT_EQ(call("POST", "/iplists/1", entry(1, "2001:DB8::1")).status, 201);
  EXPECT_EQ(call("GET", "/iplists/1/2001:db8::1").parsed()["ipornet"], "2001:db8::1/128");
  EXPECT_EQ(call("GET", "/iplists/1/2001:db8:0::1%2F128").status, 200);
}

TEST_F(RestIpLists, pages) {
  for (const char* text : {"10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8"}) {
    ASSERT_EQ(call("POST", "/iplists/3", entry(3, text)).status, 201);
  }
  const auto names = [&](const std::string& query) {
    std::vector<std::string> out;
    for (const json& one : call("GET", "/iplists/3" + query).parsed()) out.push_back(one["ipornet"]);
    return out;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names(""), (Names{"10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8"}));
  EXPECT_EQ(names("?order=DESC&limit=2"), (Names{"11.0.0.0/8", "10.1.0.0/16"}));
  EXPECT_EQ(names("?from=10.0.0.0%2F8&limit=1"), (Names{"10.1.0.0/16"}));
  EXPECT_EQ(names("?filter=10."), (Names{"10.0.0.0/8", "10.1.0.0/16"}));
  EXPECT_EQ(call("GET", "/iplists/3?limit=501").status, 200);
  EXPECT_EQ(call("GET", "/iplists/3?order=x").status, 400);
}

TEST_F(RestIpLists, refusals) {
  EXPECT_EQ(call("GET", "/iplists/0").status, 400);
  EXPECT_EQ(call("GET", "/iplists/4").status, 400);
  EXPECT_EQ(call("GET", "/iplists/x").status, 400);
  EXPECT_EQ(call("POST", "/iplists/1", entry(1, "10.0.0.0/8", 2)).status, 400);
  EXPECT_EQ(call("POST", "/iplists/2", entry(2, "example.com", 2)).status, 400);
  EXPECT_EQ(call("POST", "/iplists/2", json::array()).status, 400);
  EXPECT_EQ(call("POST", "/iplists/2", entry(1, "10.0.0.0/8")).status, 400) << "of another list";
  EXPECT_EQ(call("POST", "/iplists/2", {{"ipornet", "10.0.0.0/8"}, {"mode", 1}}).status, 400) << "of no list";
  EXPECT_EQ(call("GET", "/iplists/2/example.com").status, 400);
  EXPECT_EQ(call("PUT", "/iplists/2/10.0.0.0%2F8", entry(2, "10.0.0.0/8", 2)).status, 404);
  const std::string without = token_with({"manage_defender", "view_defender"});
  EXPECT_EQ(call("GET", "/iplists/2", nullptr, without).status, 403);
  EXPECT_EQ(call("POST", "/iplists/2", entry(2, "10.0.0.0/8", 2), without).status, 403);
  const std::string with = token_with({"manage_ip_lists"});
  EXPECT_EQ(call("POST", "/iplists/2", entry(2, "10.0.0.0/8", 2), with).status, 201);
}

}  // namespace
}  // namespace ferry::test
