// /groups and /roles; what administrators with a role see of them.
#include "tests/unit/rest/rest_fixture.h"

namespace ferry::test {
namespace {

class RestGroups : public RestTest {
 protected:
  static json group(const std::string& name) {
    return {{"name", name},
            {"user_settings",
             {{"max_sessions", 3}, {"permissions", {{"/", {"list"}}}}, {"filters", {{"denied_ip", {"10.0.0.0/8"}}}}}}};
  }
};
class RestRoles : public RestTest {};

TEST_F(RestGroups, create_read_change_remove) {
  ASSERT_EQ(call("POST", "/folders", folder("f")).status, 201);
  json body = group("the staff");
  body["virtual_folders"] = {{{"name", "f"}, {"virtual_path", "/of/%username%"}}};
  const Answer created = call("POST", "/groups", body);
  ASSERT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(created.header("Location"), "/api/v2/groups/the%20staff");
  EXPECT_EQ(created.parsed()["user_settings"]["max_sessions"], 3);
  EXPECT_EQ(created.parsed()["virtual_folders"][0]["mapped_path"], "/srv/folders/f");
  EXPECT_EQ(call("GET", "/groups/the%20staff").parsed(), created.parsed());
  EXPECT_EQ(call("GET", "/folders/f").parsed()["groups"], json({"the staff"}));
  json member = user("alice");
  member["groups"] = {{{"name", "the staff"}, {"type", 1}}};
  ASSERT_EQ(call("POST", "/users", member).status, 201);
  json boss = admin("boss");
  boss["groups"] = {{{"name", "the staff"}, {"options", {{"add_to_users_as", 1}}}}};
  ASSERT_EQ(call("POST", "/admins", boss).status, 201);
  EXPECT_EQ(call("GET", "/groups").parsed()[0]["users"], json({"alice"}));
  EXPECT_EQ(call("GET", "/groups").parsed()[0]["admins"], json({"boss"}));
  // The user is shown as it is stored.
  EXPECT_EQ(call("GET", "/users/alice").parsed()["max_sessions"], 0);

  json changed = group("renamed");
  changed["description"] = "all of them";
  EXPECT_EQ(call("PUT", "/groups/the%20staff", changed).parsed()["message"], "Group updated");
  const json after = call("GET", "/groups/the%20staff").parsed();
  EXPECT_EQ(after["description"], "all of them");
  EXPECT_EQ(after["users"], json({"alice"}));
  EXPECT_FALSE(after.contains("virtual_folders"));

  const Answer in_use = call("DELETE", "/groups/the%20staff");
  EXPECT_EQ(in_use.status, 400);
  EXPECT_NE(in_use.body.find("users"), std::string::npos);
  ASSERT_EQ(call("DELETE", "/users/alice").status, 200);
  EXPECT_EQ(call("DELETE", "/groups/the%20staff").parsed()["message"], "Group deleted");
  EXPECT_EQ(call("GET", "/groups/the%20staff").status, 404);
  EXPECT_FALSE(call("GET", "/admins/boss").parsed().contains("groups"));
}

TEST_F(RestGroups, refusals_and_pages) {
  ASSERT_EQ(call("POST", "/groups", group("b")).status, 201);
  ASSERT_EQ(call("POST", "/groups", group("a")).status, 201);
  EXPECT_EQ(call("POST", "/groups", group("a")).status, 409);
  EXPECT_EQ(call("POST", "/groups", group("..")).status, 400);
  EXPECT_EQ(call("POST", "/groups", group("a/b")).status, 400);
  EXPECT_EQ(raw("POST", "/api/v2/groups", "Authorization: Bearer " + token_ + "\r\n", "[]").status, 400);
  EXPECT_EQ(call("POST", "/groups", {{"name", "c"}, {"user_settings", {{"max_sessions", "3"}}}}).status, 400);
  EXPECT_EQ(call("POST", "/groups", {{"name", "c"}, {"user_settings", {{"home_dir", "relative"}}}}).status, 400);
  EXPECT_EQ(call("POST", "/groups", {{"name", "c"}, {"virtual_folders", {{{"name", "none"}, {"virtual_path", "/v"}}}}})
                .status,
            400);
  EXPECT_EQ(call("PUT", "/groups/none", group("none")).status, 404);
  EXPECT_EQ(call("DELETE", "/groups/none").status, 404);
  EXPECT_EQ(call("GET", "/groups?limit=1&order=DESC").parsed()[0]["name"], "b");
  EXPECT_EQ(call("GET", "/groups?offset=2").parsed(), json::array());
  EXPECT_EQ(call("GET", "/groups?limit=501").status, 200);
  json member = user("alice");
  member["groups"] = {{{"name", "none"}, {"type", 1}}};
  const Answer unknown = call("POST", "/users", member);
  EXPECT_EQ(unknown.status, 400);
  EXPECT_EQ(unknown.parsed()["error"], "groups: group \"none\" does not exist");
}

TEST_F(RestGroups, secrets_are_bound_and_redacted) {
  json vault = group("vault");
  vault["user_settings"]["filesystem"] = {
      {"provider", 4}, {"cryptconfig", {{"passphrase", {{"status", "Plain"}, {"payload", "open sesame"}}}}}};
  const Answer created = call("POST", "/groups", vault);
  ASSERT_EQ(created.status, 201) << created.body;
  const auto sealed = provider_->group("vault")->user_settings.filesystem.cryptconfig.passphrase;
  EXPECT_EQ(created.parsed()["user_settings"]["filesystem"]["cryptconfig"]["passphrase"],
            (json{{"status", "Secretbox"}, {"payload", sealed.payload}}));
  EXPECT_EQ(sealed.additional_data, "group_vault");
  EXPECT_EQ(call("PUT", "/groups/vault", call("GET", "/groups/vault").parsed()).status, 200);
  EXPECT_EQ(provider_->group("vault")->user_settings.filesystem.cryptconfig.passphrase, sealed);
  EXPECT_NE(call("GET", "/groups/vault?confidential_data=1").body.find(sealed.key), std::string::npos);
  const std::string some = token_with({"manage_groups"});
  EXPECT_EQ(call("GET", "/groups/vault?confidential_data=1", nullptr, some).body.find(sealed.key), std::string::npos);
}

TEST_F(RestGroups, an_admin_with_a_role_sees_no_other_users_in_them) {
  ASSERT_EQ(call("POST", "/roles", {{"name", "north"}}).status, 201);
  ASSERT_EQ(call("POST", "/groups", group("g")).status, 201);
  ASSERT_EQ(call("POST", "/folders", folder("f")).status, 201);
  for (const char* name : {"north's", "other"}) {
    json member = user(name);
    member["groups"] = {{{"name", "g"}, {"type", 2}}};
    member["virtual_folders"] = {{{"name", "f"}, {"virtual_path", "/f"}}};
    if (name[0] == 'n') member["role"] = "north";
    ASSERT_EQ(call("POST", "/users", member).status, 201);
  }
  const std::string token = token_with({"manage_groups", "manage_folders"}, "north");
  for (const char* path : {"/groups/g", "/folders/f"}) {
    EXPECT_EQ(call("GET", path, nullptr, token).parsed()["users"], json({"north's"}));
    EXPECT_EQ(call("GET", path).parsed()["users"], json({"north's", "other"}));
  }
  EXPECT_EQ(call("GET", "/groups", nullptr, token).parsed()[0]["users"], json({"north's"}));
  EXPECT_EQ(call("GET", "/folders", nullptr, token).parsed()[0]["users"], json({"north's"}));
  EXPECT_EQ(call("GET", "/roles", nullptr, token).status, 403);
}

TEST_F(RestRoles, create_read_change_remove) {
  const Answer created = call("POST", "/roles", {{"name", "the north"}, {"description", "d"}});
  ASSERT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(created.header("Location"), "/api/v2/roles/the%20north");
  EXPECT_EQ(call("GET", "/roles/the%20north").parsed(), created.parsed());
  EXPECT_EQ(call("PUT", "/roles/the%20north", {{"name", "x"}, {"description", "e"}}).parsed()["message"],
            "Role updated");
  json member = user("alice");
  member["role"] = "the north";
  ASSERT_EQ(call("POST", "/users", member).status, 201);
  const std::string limited = token_with({"view_users"}, "the north");
  const json shown = call("GET", "/roles").parsed()[0];
  EXPECT_EQ(shown["description"], "e");
  EXPECT_EQ(shown["users"], json({"alice"}));
  EXPECT_EQ(shown["admins"], json({"admin1"}));
  // Without the role its administrator would have every user.
  EXPECT_EQ(call("DELETE", "/roles/the%20north").status, 400);
  EXPECT_EQ(call("GET", "/users", nullptr, limited).parsed().size(), 1U);
  ASSERT_EQ(call("DELETE", "/admins/admin1").status, 200);
  EXPECT_EQ(call("GET", "/users", nullptr, limited).status, 401);
  EXPECT_EQ(call("DELETE", "/roles/the%20north").parsed()["message"], "Role deleted");
  EXPECT_FALSE(call("GET", "/users/alice").parsed().contains("role"));
}

TEST_F(RestRoles, refusals_and_pages) {
  ASSERT_EQ(call("POST", "/roles", {{"name", "b"}}).status, 201);
  ASSERT_EQ(call("POST", "/roles", {{"name", "a"}}).status, 201);
  EXPECT_EQ(call("POST", "/roles", {{"name", "a"}}).status, 409);
  for (const char* name : {"", ".", "..", "a/b", "a\\b", "a\nb"}) {
    EXPECT_EQ(call("POST", "/roles", {{"name", name}}).status, 400) << name;
  }
  EXPECT_EQ(call("POST", "/roles", {{"name", 5}}).status, 400);
  EXPECT_EQ(call("PUT", "/roles/none", {{"name", "none"}}).status, 404);
  EXPECT_EQ(call("DELETE", "/roles/none").status, 404);
  EXPECT_EQ(call("GET", "/roles?limit=1&order=DESC").parsed()[0]["name"], "b");
  json member = user("alice");
  member["role"] = "none";
  EXPECT_EQ(call("POST", "/users", member).status, 409);
}

}  // namespace
}  // namespace ferry::test
