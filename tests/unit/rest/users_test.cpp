// /users: what is stored and shown, refusals, pages, secrets, roles, sessions that end.
#include "tests/unit/rest/rest_fixture.h"

namespace ferry::test {
namespace {

class RestUsers : public RestTest {
 protected:
  // A session of this user that notes when it is told to end.
  struct Online {
    std::shared_ptr<bool> told = std::make_shared<bool>(false);
    std::unique_ptr<presence::Registration> row;
  };
  Online connect(const std::string& username) {
    Online online;
    presence::ConnectionInfo info;
    info.id = "SFTP_" + username;
    info.protocol = "SFTP";
    info.disconnect = [told = online.told] { *told = true; };
    auto row = registry_->enter(username, info, 0);
    EXPECT_TRUE(row);
    online.row = std::move(*row);
    return online;
  }
  std::vector<std::string> names(const std::string& query, const std::string& token = {}) {
    const Answer answer = call("GET", "/users" + query, nullptr, token);
    EXPECT_EQ(answer.status, 200) << answer.body;
    std::vector<std::string> out;
    for (const json& one : answer.parsed()) out.push_back(one["username"]);
    return out;
  }
};

TEST_F(RestUsers, create_read_change_remove) {
  const Answer created = call("POST", "/users", user("alice"));
  ASSERT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(created.header("Location"), "/api/v2/users/alice");
  EXPECT_EQ(created.parsed()["username"], "alice");
  EXPECT_GT(created.parsed()["id"].get<int>(), 0);
  const Answer shown = call("GET", "/users/alice");
  ASSERT_EQ(shown.status, 200);
  EXPECT_EQ(shown.parsed(), created.parsed());
  EXPECT_EQ(shown.parsed()["has_password"], true);
  EXPECT_FALSE(shown.parsed().contains("password"));
  json changed = shown.parsed();
  changed["description"] = "Älice ✓";
  changed["quota_size"] = 4096;
  const Answer updated = call("PUT", "/users/alice", changed);
  ASSERT_EQ(updated.status, 200) << updated.body;
  EXPECT_EQ(updated.parsed()["message"], "User updated");
  const json after = call("GET", "/users/alice").parsed();
  EXPECT_EQ(after["description"], "Älice ✓");
  EXPECT_EQ(after["quota_size"], 4096);
  EXPECT_EQ(after["has_password"], true);  // kept: the body had none
  EXPECT_EQ(after["id"], created.parsed()["id"]);
  changed["password"] = nullptr;
  EXPECT_EQ(call("PUT", "/users/alice", changed).status, 200);
  EXPECT_TRUE(call("GET", "/users/alice").parsed().contains("has_password")) << "null is no password, too";
  changed["password"] = "";
  EXPECT_EQ(call("PUT", "/users/alice", changed).status, 200);
  EXPECT_FALSE(call("GET", "/users/alice").parsed().contains("has_password"));
  EXPECT_FALSE((*provider_->user("alice"))->has_password());
  const Answer deleted = call("DELETE", "/users/alice");
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(deleted.parsed()["message"], "User deleted");
  EXPECT_EQ(call("GET", "/users/alice").status, 404);
}

TEST_F(RestUsers, missing_and_duplicate) {
  EXPECT_EQ(call("GET", "/users/nobody").status, 404);
  EXPECT_EQ(call("PUT", "/users/nobody", user("nobody")).status, 404);
  EXPECT_EQ(call("DELETE", "/users/nobody").status, 404);
  ASSERT_EQ(call("POST", "/users", user("alice")).status, 201);
  const Answer again = call("POST", "/users", user("alice"));
  EXPECT_EQ(again.status, 409);
  EXPECT_TRUE(again.parsed()["error"].is_string());
}

TEST_F(RestUsers, the_path_names_the_user_not_the_body) {
  ASSERT_EQ(call("POST", "/users", user("alice")).status, 201);
  ASSERT_EQ(call("POST", "/users", user("bob")).status, 201);
  json body = user("bob");
  body["description"] = "whose?";
  EXPECT_EQ(call("PUT", "/users/alice", body).status, 200);
  EXPECT_EQ(call("GET", "/users/alice").parsed()["description"], "whose?");
  EXPECT_FALSE(call("GET", "/users/bob").parsed().contains("description"));
}

TEST_F(RestUsers, bad_bodies) {
  const auto refused = [&](const std::string& body) {
    const Answer answer = raw("POST", "/api/v2/users", "Authorization: Bearer " + token_ + "\r\n", body);
    EXPECT_EQ(answer.status, 400) << body.substr(0, 80) << answer.body;
    EXPECT_TRUE(answer.parsed()["message"].is_string() && answer.parsed()["error"].is_string()) << answer.body;
  };
  for (const char* body :
       {"x", "{", "[]", "null", "1", "\"text\"", "{}", "{\"username\":5}", "{\"username\":\"a\"} x",
        "{\"username\":\"a\",\"status\":99999999999999999999}", "{\"username\":\"a\",\"quota_size\":1e999}",
        "{\"username\":\"\xff\xfe\"}", "{\"username\":\"\\ud800\"}", "{\"permissions\":[]}"}) {
    refused(body);
  }
  refused("{\"filters\":" + std::string(100000, '[') + std::string(100000, ']') + "}");
  refused(std::string(500000, '['));
  json no_permissions = user("a");
  no_permissions.erase("permissions");
  refused(no_permissions.dump());
  for (const char* name : {"", ".", "..", "a/b", "a\\b", "a\nb"}) refused(user(name).dump());
  refused(user(std::string("a\0b", 3)).dump());
  refused(user(std::string(300, 'a')).dump());
  json bad_status = user("a");
  bad_status["status"] = 7;
  refused(bad_status.dump());
  json unknown_folder = user("a");
  unknown_folder["virtual_folders"] = {{{"name", "none"}, {"virtual_path", "/v"}}};
  refused(unknown_folder.dump());
  EXPECT_TRUE(names("").empty());
}

TEST_F(RestUsers, a_body_above_the_limit) {
  json large = user("large");
  large["description"] = std::string(2 << 20, 'x');
  EXPECT_EQ(call("POST", "/users", large).status, 413);
}

TEST_F(RestUsers, pages) {
  for (const char* name : {"c", "a", "e", "b", "d"}) ASSERT_EQ(call("POST", "/users", user(name)).status, 201);
  using Names = std::vector<std::string>;
  EXPECT_EQ(names(""), (Names{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(names("?limit=2"), (Names{"a", "b"}));
  EXPECT_EQ(names("?limit=2&offset=3"), (Names{"d", "e"}));
  EXPECT_EQ(names("?limit=2&offset=1&order=DESC"), (Names{"d", "c"}));
  EXPECT_EQ(names("?offset=5"), Names{});
  EXPECT_EQ(names("?limit=1000"), (Names{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(names("?limit=500&order=ASC"), (Names{"a", "b", "c", "d", "e"}));
  for (const char* query : {"?limit=0", "?limit=-1", "?limit=x", "?limit=", "?limit=1x", "?offset=x",
                            "?offset=99999999999999999999", "?order=asc", "?order=", "?order=ASC;DROP"}) {
    EXPECT_EQ(call("GET", std::string("/users") + query).status, 400) << query;
  }
}

TEST_F(RestUsers, a_hundred_by_default) {
  for (int i = 0; i < 105; ++i) {
    model::User one = *model::user_from_json(user("u" + std::to_string(1000 + i)));
    ASSERT_TRUE(provider_->add_user(one));
  }
  EXPECT_EQ(names("").size(), 100U);
  EXPECT_EQ(names("?offset=100").size(), 5U);
}

TEST_F(RestUsers, names_that_need_encoding) {
  const std::string name = "ünï cödé+100%?#&=";
  const Answer created = call("POST", "/users", user(name));
  ASSERT_EQ(created.status, 201) << created.body;
  const std::string location = created.header("Location");
  EXPECT_EQ(location, "/api/v2/users/" + http::percent_encode(name, "+&="));
  const Answer shown = raw("GET", location, "Authorization: Bearer " + token_ + "\r\n");
  ASSERT_EQ(shown.status, 200);
  EXPECT_EQ(shown.parsed()["username"], name);
  // Encoded twice is another name.
  EXPECT_EQ(call("GET", "/users/" + http::percent_encode(http::percent_encode(name))).status, 404);
  EXPECT_EQ(call("GET", "/users/..%2Fadmins%2Froot").status, 404);
  EXPECT_EQ(call("GET", "/users/%2e%2e").status, 404);
  EXPECT_EQ(call("GET", "/users/%27%20OR%20%271%27=%271").status, 404);
  EXPECT_EQ(call("GET", "/users/%ff%fe").status, 404);
}

TEST_F(RestUsers, secrets_are_redacted_and_kept) {
  json with_secret = user("alice");
  with_secret["filesystem"] = {{"provider", 4},
                               {"cryptconfig", {{"passphrase", {{"status", "Plain"}, {"payload", "open sesame"}}}}}};
  const Answer created = call("POST", "/users", with_secret);
  ASSERT_EQ(created.status, 201) << created.body;
  const auto no_secret = [](const Answer& answer) {
    return answer.body.find("sesame") == std::string::npos && answer.body.find("$2") == std::string::npos &&
           !answer.parsed()["filesystem"]["cryptconfig"]["passphrase"].contains("key");
  };
  EXPECT_TRUE(no_secret(created)) << created.body;
  const Answer shown = call("GET", "/users/alice");
  EXPECT_TRUE(no_secret(shown)) << shown.body;
  const auto stored = [&] { return (*provider_->user("alice"))->filesystem.cryptconfig.passphrase; };
  const auto sealed = stored();
  EXPECT_TRUE(sealed.is_encrypted());
  // What was shown, sent back.
  ASSERT_EQ(call("PUT", "/users/alice", shown.parsed()).status, 200);
  EXPECT_EQ(stored(), sealed);
  json redacted = shown.parsed();
  redacted["filesystem"]["cryptconfig"]["passphrase"] = {{"status", "Redacted"}};
  ASSERT_EQ(call("PUT", "/users/alice", redacted).status, 200);
  EXPECT_EQ(stored(), sealed);
  redacted["filesystem"]["cryptconfig"]["passphrase"] = {{"status", "Plain"}, {"payload", "another"}};
  ASSERT_EQ(call("PUT", "/users/alice", redacted).status, 200);
  EXPECT_NE(stored(), sealed);
}

TEST_F(RestUsers, confidential_data_is_for_the_all_powerful) {
  ASSERT_EQ(call("POST", "/users", user("alice")).status, 201);
  EXPECT_TRUE(call("GET", "/users/alice?confidential_data=1").parsed()["password"].is_string());
  EXPECT_FALSE(call("GET", "/users/alice?confidential_data=0").parsed().contains("password"));
  const std::string viewer = token_with({"view_users"});
  EXPECT_FALSE(call("GET", "/users/alice?confidential_data=1", nullptr, viewer).parsed().contains("password"));
}

TEST_F(RestUsers, disconnect_disable_and_delete_end_sessions) {
  ASSERT_EQ(call("POST", "/users", user("alice")).status, 201);
  ASSERT_EQ(call("POST", "/users", user("alice2")).status, 201);
  const Online other = connect("alice2");
  {
    const Online online = connect("alice");
    EXPECT_EQ(call("PUT", "/users/alice", user("alice")).status, 200);
    EXPECT_EQ(call("PUT", "/users/alice?disconnect=0", user("alice")).status, 200);
    EXPECT_FALSE(*online.told);
    EXPECT_EQ(call("PUT", "/users/alice?disconnect=2", user("alice")).status, 400);
    EXPECT_EQ(call("PUT", "/users/alice?disconnect=1", user("alice")).status, 200);
    EXPECT_TRUE(*online.told);
  }
  {
    const Online online = connect("alice");
    json expired = user("alice");
    expired["expiration_date"] = 1000;
    EXPECT_EQ(call("PUT", "/users/alice", expired).status, 200);
    EXPECT_TRUE(*online.told);
  }
  {
    const Online online = connect("alice");
    json disabled = user("alice");
    disabled["status"] = 0;
    EXPECT_EQ(call("PUT", "/users/alice", disabled).status, 200);
    EXPECT_TRUE(*online.told);
  }
  const Online online = connect("alice");
  EXPECT_EQ(call("DELETE", "/users/alice").status, 200);
  EXPECT_TRUE(*online.told);
  EXPECT_FALSE(*other.told);
}

TEST_F(RestUsers, an_admin_with_a_role_has_its_users_only) {
  for (const char* role : {"north", "south"}) ASSERT_EQ(call("POST", "/roles", {{"name", role}}).status, 201);
  const std::string token =
      token_with({"view_users", "add_users", "edit_users", "del_users", "view_conns", "close_conns"}, "north");
  ASSERT_FALSE(token.empty());
  for (const char* name : {"s1", "s2", "s3"}) {
    json south = user(name);
    south["role"] = "south";
    ASSERT_EQ(call("POST", "/users", south).status, 201);
  }
  for (const char* name : {"n1", "s22", "z9"}) {
    const Answer created = call("POST", "/users", user(name), token);
    ASSERT_EQ(created.status, 201) << created.body;
    EXPECT_EQ(created.parsed()["role"], "north");
  }
  using Names = std::vector<std::string>;
  EXPECT_EQ(names("", token), (Names{"n1", "s22", "z9"}));
  EXPECT_EQ(names("?limit=1&offset=1", token), Names{"s22"});
  EXPECT_EQ(names("?limit=2&order=DESC", token), (Names{"z9", "s22"}));
  EXPECT_EQ(names("").size(), 6U);
  const Answer foreign = call("GET", "/users/s1", nullptr, token),
               missing = call("GET", "/users/nobody", nullptr, token);
  EXPECT_EQ(foreign.status, 404);
  EXPECT_EQ(foreign.body, missing.body);
  EXPECT_EQ(call("PUT", "/users/s1", user("s1"), token).status, 404);
  EXPECT_EQ(call("DELETE", "/users/s1", nullptr, token).status, 404);
  json escape = user("n1");
  escape["role"] = "south";
  EXPECT_EQ(call("PUT", "/users/n1", escape, token).status, 200);
  EXPECT_EQ(call("GET", "/users/n1").parsed()["role"], "north");
  const Online south = connect("s1"), north = connect("n1");
  const Answer connections = call("GET", "/connections", nullptr, token);
  ASSERT_EQ(connections.parsed().size(), 1U);
  EXPECT_EQ(connections.parsed()[0]["username"], "n1");
  EXPECT_EQ(call("DELETE", "/connections/SFTP_s1", nullptr, token).status, 404);
  EXPECT_FALSE(*south.told);
  EXPECT_EQ(call("DELETE", "/connections/SFTP_n1", nullptr, token).status, 200);
  EXPECT_TRUE(*north.told);
  json crowned = admin("crowned");
  crowned["role"] = "north";
  EXPECT_EQ(call("POST", "/admins", crowned).status, 400);
}

}  // namespace
}  // namespace ferry::test
