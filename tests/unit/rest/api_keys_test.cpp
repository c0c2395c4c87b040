// API keys over REST: their life, and what they open.
#include "protocols/rest/api.h"
#include "tests/unit/rest/rest_fixture.h"

namespace ferry::test {
namespace {

class RestApiKeys : public RestTest {
 protected:
  RestApiKeys() {
    json body = admin("machine");
    body["filters"] = {{"allow_api_key_auth", true}};
    EXPECT_EQ(call("POST", "/admins", body).status, 201);
    json person = user("maria");
    person["filters"] = {{"allow_api_key_auth", true}};
    EXPECT_EQ(call("POST", "/users", person).status, 201);
  }
  std::string make(const json& patch = json::object()) {
    json body = {{"name", "n"}, {"scope", 1}, {"admin", "machine"}};
    body.update(patch);
    const Answer answer = call("POST", "/apikeys", body);
    EXPECT_EQ(answer.status, 201) << answer.body;
    id_ = answer.header("X-Object-ID");
    EXPECT_EQ(answer.header("Location"), "/api/v2/apikeys/" + id_);
    return answer.parsed()["key"];
  }
  Answer by_key(std::string_view method, const std::string& path, const std::string& key, const json& body = nullptr) {
    return raw(method, "/api/v2" + path, "X-SFTPGO-API-KEY: " + key + "\r\n", body.is_null() ? "" : body.dump());
  }
  std::string id_;
};

TEST_F(RestApiKeys, their_life) {
  const std::int64_t end = store::now_ms() + 1'000'000;
  const std::string key = make({{"description", "d"}, {"expires_at", end}, {"id", "mine"}, {"key", "mine"}});
  EXPECT_EQ(key.size(), 45U);
  EXPECT_TRUE(key.starts_with(id_ + "."));
  const Answer shown = call("GET", "/apikeys/" + id_);
  const json stored = shown.parsed();
  EXPECT_EQ(stored["admin"], "machine");
  EXPECT_EQ(stored["scope"], 1);
  EXPECT_EQ(stored["expires_at"], end);
  EXPECT_FALSE(stored.contains("key"));
  EXPECT_EQ(call("GET", "/apikeys").body.find("SHA256"), std::string::npos);
  EXPECT_EQ(call("GET", "/apikeys").parsed().size(), 1U);
  EXPECT_EQ(by_key("GET", "/version", key).status, 200);
  EXPECT_EQ(
      call("PUT", "/apikeys/" + id_, {{"name", "m"}, {"scope", 1}, {"admin", "machine"}, {"expires_at", 1}}).status,
      200);
  EXPECT_EQ(call("GET", "/apikeys/" + id_).parsed()["name"], "m");
  EXPECT_EQ(by_key("GET", "/version", key).status, 401);
  EXPECT_EQ(call("PUT", "/apikeys/" + id_, {{"name", "m"}, {"scope", 1}, {"admin", "machine"}}).status, 200);
  EXPECT_EQ(by_key("GET", "/version", key).status, 200);
  EXPECT_EQ(call("DELETE", "/apikeys/" + id_).status, 200);
  EXPECT_EQ(by_key("GET", "/version", key).status, 401);
  for (const char* method : {"GET", "DELETE", "PUT"}) {
    EXPECT_EQ(call(method, "/apikeys/" + id_, {{"name", "m"}, {"scope", 1}}).status, 404);
  }
}

TEST_F(RestApiKeys, what_cannot_be_one) {
  for (const json& body :
       {json{{"scope", 1}}, json{{"name", ""}, {"scope", 1}}, json{{"name", "n"}, {"scope", 3}},
        json{{"name", "n"}, {"scope", 0}}, json{{"name", "n"}, {"scope", "1"}},
        json{{"name", "n"}, {"scope", 1}, {"user", "maria"}},
        json{{"name", "n"}, {"scope", 2}, {"admin", "machine"}, {"user", "x"}},
        json{{"name", "n"}, {"scope", 1}, {"admin", "nobody"}}, json{{"name", "n"}, {"scope", 1}, {"expires_at", -1}},
        json{{"name", std::string(300, 'n')}, {"scope", 1}}}) {
    EXPECT_EQ(call("POST", "/apikeys", body).status, 400) << body;
  }
  EXPECT_TRUE(provider_->api_keys({})->empty());
}

TEST_F(RestApiKeys, a_key_for_users_is_bound_to_no_administrator) {
  EXPECT_EQ(call("POST", "/apikeys", {{"name", "n"}, {"scope", 2}, {"admin", "machine"}}).status, 201);
  EXPECT_EQ(provider_->api_keys({})->at(0).admin, "");
}

TEST_F(RestApiKeys, impersonation) {
  const std::string any = make({{"admin", ""}});
  EXPECT_EQ(by_key("GET", "/version", any).status, 401);
  EXPECT_EQ(by_key("GET", "/users/maria", any + ".machine").status, 200);
  EXPECT_EQ(by_key("GET", "/version", any + ".root").status, 401);  // root does not allow API keys
  EXPECT_EQ(by_key("GET", "/version", any + ".maria").status, 401);
}

// Keys of administrators on every route: closed where the documentation says so; those of users open none of theirs.
TEST_F(RestApiKeys, on_every_route) {
  const std::string admins = make(), users = make({{"scope", 2}, {"admin", ""}, {"user", "maria"}});
  for (const rest::Row& row : rest::rows()) {
    if (row.access == rest::Access::open) continue;
    std::string path(row.path.substr(7));
    for (std::size_t open = 0; (open = path.find('{')) != std::string::npos;) {
      path.replace(open, path.find('}') - open + 1, "nobody");
    }
    const json body = row.method == "GET" || row.method == "DELETE" ? json() : json::object();
    const bool opens = row.access == rest::Access::any_admin || row.access == rest::Access::permission;
    const int status = by_key(row.method, path, admins, body).status;
    EXPECT_EQ(status != 403, opens) << row.method << row.path << status;
    EXPECT_NE(status, 401) << row.method << row.path;
    EXPECT_EQ(by_key(row.method, path, users, body).status, 403) << row.method << row.path;
    for (const char* forged : {"x", "x.y", "x.y.machine"}) {
      EXPECT_EQ(by_key(row.method, path, forged, body).status, 401) << row.method << row.path;
    }
    const std::string both = "Authorization: Bearer " + token_ + "\r\nX-SFTPGO-API-KEY: " + admins + "\r\n";
    EXPECT_EQ(raw(row.method, "/api/v2" + path, both).status, 401) << row.method << row.path;
    const std::string twice = "X-SFTPGO-API-KEY: " + admins + "\r\nX-SFTPGO-API-KEY: " + admins + "\r\n";
    EXPECT_EQ(raw(row.method, "/api/v2" + path, twice).status, 401) << row.method << row.path;
  }
}

TEST_F(RestApiKeys, the_own_account_stays_as_it_is) {
  const std::string key = make();
  json body = admin("machine");
  body["filters"] = {{"allow_api_key_auth", true}};
  EXPECT_EQ(by_key("PUT", "/admins/machine", key, body).status, 400);
  EXPECT_EQ(by_key("PUT", "/admins/machine/2fa/disable", key, json::object()).status, 403);
  EXPECT_EQ(by_key("PUT", "/admins/root", key, admin("root")).status, 403);
}

TEST_F(RestApiKeys, permissions_and_duties_hold) {
  json body = admin("machine", {"view_users"});
  body["filters"] = {{"allow_api_key_auth", true}};
  const std::string key = make();
  ASSERT_EQ(call("PUT", "/admins/machine", body).status, 200);
  EXPECT_EQ(by_key("GET", "/users", key).status, 200);
  EXPECT_EQ(by_key("GET", "/folders", key).status, 403);
  body["filters"]["require_two_factor"] = true;
  ASSERT_EQ(call("PUT", "/admins/machine", body).status, 200);
  EXPECT_EQ(by_key("GET", "/users", key).status, 403);
  ASSERT_EQ(call("DELETE", "/admins/machine").status, 200);
  EXPECT_EQ(by_key("GET", "/users", key).status, 401);
  EXPECT_TRUE(provider_->api_keys({})->empty());
}

}  // namespace
}  // namespace ferry::test
