// docs/authority.md, held true: every route has a row there, and every kind of caller gets what the row says.
#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "model/validate.h"
#include "protocols/rest/api.h"
#include "tests/unit/rest/rest_fixture.h"

namespace ferry::test {
namespace {

struct Authority {
  std::set<std::string> permissions;  // one of them; empty: every administrator
  bool role = false, key = false;
};

struct Documented {
  std::map<std::string, Authority> of_admins;  // by "GET users/{username}"
  std::vector<std::string> of_users;
};

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line.substr(1));
  for (std::string cell; std::getline(in, cell, '|');) {
    const std::size_t begin = cell.find_first_not_of(' ');
    if (begin == std::string::npos) continue;
    cells.push_back(cell.substr(begin, cell.find_last_not_of(' ') + 1 - begin));
  }
  return cells;
}

// What stands in backticks.
std::vector<std::string> quoted(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = text.find('`'); at != std::string::npos; at = text.find('`', at)) {
    const std::size_t end = text.find('`', at + 1);
    words.push_back(text.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  return words;
}

Documented read_document() {
  Documented documented;
  std::ifstream file(FERRY_TEST_DATA "/../../docs/authority.md");
  std::string section;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) section = line.substr(3);
    if (!line.starts_with("| `")) continue;
    const std::vector<std::string> cells = cells_of(line);
    if (section == "Calls of users") {
      for (const std::string& call : quoted(cells.at(0))) documented.of_users.push_back(call);
    } else if (section == "Calls of administrators") {
      const auto permissions = quoted(cells.at(1));
      for (const std::string& call : quoted(cells.at(0))) {
        const bool fresh = documented.of_admins
                               .emplace(call, Authority{{permissions.begin(), permissions.end()},
                                                        cells.at(2) == "yes",
                                                        cells.at(3) == "yes"})
                               .second;
        EXPECT_TRUE(fresh) << call << " stands twice";
      }
    }
  }
  return documented;
}

std::string call_in_document(const rest::Row& row) {
  return std::string(row.method) + ' ' + std::string(row.path.substr(std::string_view("/api/v2/").size()));
}

bool holds_one(const std::set<std::string>& held, const std::set<std::string>& permissions) {
  return std::ranges::any_of(permissions, [&](const std::string& one) { return held.contains(one); });
}

bool is_users_row(const rest::Row& row) {
  return row.access == rest::Access::user_own || row.access == rest::Access::user_token;
}

class RestAuthority : public RestTest {
 protected:
  // The row's call about things that do not exist. `fields`: the credential.
  int status_of_row(const rest::Row& row, const std::string& fields) {
    std::string path(row.path);
    for (std::size_t open = 0; (open = path.find('{')) != std::string::npos;) {
      path.replace(open, path.find('}') - open + 1, "nobody");
    }
    return raw(row.method, path, fields, row.method == "GET" || row.method == "DELETE" ? "" : "{}").status;
  }
  static std::string bearer(const std::string& token) { return "Authorization: Bearer " + token + "\r\n"; }
  static std::string key_field(const std::string& key) { return "X-SFTPGO-API-KEY: " + key + "\r\n"; }
  // An administrator who allows keys, and a key for it: bound, or naming it at each use.
  void add_key_admin(const std::string& name, const json& permissions, const std::string& role = {}) {
    json body = admin(name, permissions);
    body["filters"] = {{"allow_api_key_auth", true}};
    if (!role.empty()) body["role"] = role;
    ASSERT_EQ(call("POST", "/admins", body).status, 201);
  }
  std::string key_for(const std::string& name, bool bound) {
    json body = {{"name", "n"}, {"scope", 1}};
    if (bound) body["admin"] = name;
    const Answer made = call("POST", "/apikeys", body);
    EXPECT_EQ(made.status, 201) << made.body;
    return made.parsed()["key"].get<std::string>() + (bound ? "" : "." + name);
  }
  void expect(const rest::Row& row, const std::string& fields, bool opens, const std::string& who) {
    if (row.path == "/api/v2/logout" && opens) return;  // it would end the token
    const int status = status_of_row(row, fields);
    if (opens) {
      const bool without_factor = status == 403 && row.path.ends_with("/recoverycodes");  // there is none to recover
      EXPECT_TRUE(status == 200 || status == 400 || status == 404 || without_factor)
          << row.method << row.path << who << status;
    } else {
      EXPECT_EQ(status, 403) << row.method << row.path << who;
    }
  }
  const Documented documented_ = read_document();
};

TEST_F(RestAuthority, EveryRouteHasARowAndEveryRowARoute) {
  std::set<std::string> admins, users;
  for (const rest::Row& row : rest::rows()) {
    if (row.access == rest::Access::open) continue;
    (is_users_row(row) ? users : admins).insert(call_in_document(row));
  }
  std::set<std::string> documented;
  for (const auto& [call, authority] : documented_.of_admins) documented.insert(call);
  EXPECT_EQ(documented, admins);
  EXPECT_EQ(std::set<std::string>(documented_.of_users.begin(), documented_.of_users.end()), users);
  EXPECT_EQ(documented_.of_users.size(), users.size());
}

TEST_F(RestAuthority, EachPermissionOpensItsCallsAndNoOther) {
  for (const std::string_view permission : model::known_admin_permissions()) {
    const std::string token = bearer(token_with({permission}));
    for (const rest::Row& row : rest::rows()) {
      if (row.access == rest::Access::open) continue;
      if (is_users_row(row)) {
        EXPECT_EQ(status_of_row(row, token), 401) << row.method << row.path;
        continue;
      }
      const Authority& needed = documented_.of_admins.at(call_in_document(row));
      const bool opens =
          needed.permissions.empty() || permission == "*" || needed.permissions.contains(std::string(permission));
      expect(row, token, opens, " with " + std::string(permission));
    }
  }
}

// Stored with every permission there is, as an older version or a database edited by hand may have it.
TEST_F(RestAuthority, ARoleOpensWhatTheDocumentSays) {
  ASSERT_EQ(call("POST", "/roles", {{"name", "north"}}).status, 201);
  token_with({"view_users"}, "north");
  const auto spoiled = provider_->change_admin("admin1", [](model::Admin& stored) -> Result<void> {
    stored.permissions.clear();
    for (const std::string_view one : model::known_admin_permissions()) stored.permissions.emplace_back(one);
    return {};
  });
  ASSERT_TRUE(spoiled);
  const std::string token = bearer(log_in("admin1", "an admin's password"));
  for (const rest::Row& row : rest::rows()) {
    if (row.access == rest::Access::open || is_users_row(row)) continue;
    const Authority& needed = documented_.of_admins.at(call_in_document(row));
    // Of administrators such a one is told as of users of another role: there is none.
    if (row.path == "/api/v2/admins/{username}/2fa/disable") {
      EXPECT_EQ(status_of_row(row, token), 404);
      EXPECT_FALSE(needed.role);
      continue;
    }
    expect(row, token, needed.role, " with a role");
  }
}

TEST_F(RestAuthority, KeysOpenWhatTheDocumentSays) {
  ASSERT_EQ(call("POST", "/roles", {{"name", "north"}}).status, 201);
  add_key_admin("chief", {"*"});
  add_key_admin("viewer", {"view_users"});
  add_key_admin("northern", {"view_users", "manage_folders"}, "north");
  json person = user("maria");
  person["filters"] = {{"allow_api_key_auth", true}};
  ASSERT_EQ(call("POST", "/users", person).status, 201);
  const std::string of_user =
      call("POST", "/apikeys", {{"name", "u"}, {"scope", 2}, {"user", "maria"}}).parsed()["key"];
  const std::pair<std::string, std::set<std::string>> owners[] = {
      {"chief", {"*"}}, {"viewer", {"view_users"}}, {"northern", {"view_users", "manage_folders"}}};
  for (const bool bound : {true, false}) {
    for (const auto& [owner, held] : owners) {
      const std::string key = key_field(key_for(owner, bound));
      for (const rest::Row& row : rest::rows()) {
        if (row.access == rest::Access::open) continue;
        if (is_users_row(row)) {
          EXPECT_EQ(status_of_row(row, key), 403) << row.method << row.path;
          continue;
        }
        const Authority& needed = documented_.of_admins.at(call_in_document(row));
        const bool permitted =
            needed.permissions.empty() || held.contains("*") || (holds_one(held, needed.permissions) && needed.role);
        expect(row, key, needed.key && permitted, " by key of " + owner);
      }
    }
  }
  for (const rest::Row& row : rest::rows()) {
    if (row.access == rest::Access::open) continue;
    EXPECT_EQ(status_of_row(row, key_field(of_user)), 403) << row.path;
  }
}

// Each way that was found for a key to outlive itself or to become more than its administrator lets it.
TEST_F(RestAuthority, AKeyMakesNothingThatOutlivesIt) {
  add_key_admin("chief", {"*"});
  const std::string key = key_field(key_for("chief", true));
  const auto by_key = [&](const char* method, const std::string& path, const json& body = nullptr) {
    return raw(method, "/api/v2" + path, key, body.is_null() ? "" : body.dump());
  };
  const std::size_t before = provider_->admins({})->size();
  EXPECT_EQ(by_key("POST", "/admins", admin("mallory")).status, 403);
  EXPECT_EQ(by_key("PUT", "/admins/root", admin("root")).status, 403);
  EXPECT_EQ(by_key("PUT", "/admins/chief", admin("chief")).status, 400);  // as SFTPGo answers it
  EXPECT_EQ(by_key("DELETE", "/admins/root").status, 403);
  EXPECT_EQ(by_key("PUT", "/admins/root/2fa/disable", json::object()).status, 403);
  const json dump = {{"version", 17}, {"admins", json::array({admin("mallory")})}};
  EXPECT_EQ(by_key("POST", "/loaddata", dump).status, 403);
  EXPECT_EQ(by_key("GET", "/dumpdata?output-data=1").status, 403);
  EXPECT_EQ(provider_->admins({})->size(), before);
  EXPECT_FALSE(log_in("root", root_password).empty());
  ASSERT_EQ(call("POST", "/users", user("maria")).status, 201);
  EXPECT_TRUE(call("GET", "/users/maria?confidential_data=1").parsed().contains("password"));
  const Answer shown = by_key("GET", "/users/maria?confidential_data=1");
  EXPECT_EQ(shown.status, 200);
  EXPECT_FALSE(shown.parsed().contains("password"));
  // Nor the key of an encrypted secret.
  const json folder = {{"name", "vault"},
                       {"mapped_path", "/srv/vault"},
                       {"filesystem",
                        {{"provider", 1},
                         {"s3config",
                          {{"bucket", "b"},
                           {"region", "r"},
                           {"access_key", "a"},
                           {"access_secret", {{"status", "Plain"}, {"payload", "open sesame"}}}}}}}};
  ASSERT_EQ(call("POST", "/folders", folder).status, 201);
  const auto secret = [](const Answer& answer) {
    return answer.parsed().at("filesystem").at("s3config").at("access_secret");
  };
  EXPECT_TRUE(secret(call("GET", "/folders/vault?confidential_data=1")).contains("key"));
  EXPECT_FALSE(secret(by_key("GET", "/folders/vault?confidential_data=1")).contains("key"));
}

TEST_F(RestAuthority, NobodyTakesTheSecondFactorOfWhoMayMore) {
  const auto set_up = [this](const std::string& name, bool required = false) {
    const auto done = provider_->change_admin(name, [&](model::Admin& stored) -> Result<void> {
      stored.filters.totp_config.enabled = true;
      stored.filters.require_two_factor = required;
      return {};
    });
    ASSERT_TRUE(done);
  };
  const auto has_one = [this](const char* name) { return (*provider_->admin(name))->filters.totp_config.enabled; };
  ASSERT_EQ(call("POST", "/admins", admin("chief")).status, 201);
  ASSERT_EQ(call("POST", "/admins", admin("viewer", {"view_users"})).status, 201);
  const std::string helper = token_with({"disable_mfa", "view_users"});
  set_up("chief");
  set_up("viewer");
  EXPECT_EQ(call("PUT", "/admins/chief/2fa/disable", json::object(), helper).status, 403);
  EXPECT_TRUE(has_one("chief"));
  EXPECT_EQ(call("PUT", "/admins/viewer/2fa/disable", json::object(), helper).status, 200);
  EXPECT_FALSE(has_one("viewer"));
  EXPECT_EQ(call("PUT", "/admins/chief/2fa/disable", json::object()).status, 200);
  EXPECT_FALSE(has_one("chief"));
  // The own one stays while it is required, as /admin/totp/save has it.
  set_up("root", true);
  EXPECT_EQ(call("PUT", "/admins/root/2fa/disable", json::object()).status, 400);
  EXPECT_TRUE(has_one("root"));
}

TEST_F(RestAuthority, TheServerKnowsWhenAPasswordWasSet) {
  json person = user("maria");
  person["last_password_change"] = 4102444800000;  // in 2100: it would never expire
  ASSERT_EQ(call("POST", "/users", person).status, 201);
  EXPECT_LE((*provider_->user("maria"))->last_password_change, store::now_ms());
  person["password"] = "another password";
  ASSERT_EQ(call("PUT", "/users/maria", person).status, 200);
  EXPECT_LE((*provider_->user("maria"))->last_password_change, store::now_ms());
  person["username"] = "loaded";
  const json dump = {{"version", 17}, {"users", json::array({person})}};
  ASSERT_EQ(call("POST", "/loaddata", dump).status, 200);
  EXPECT_EQ((*provider_->user("loaded"))->last_password_change, 4102444800000);
}

TEST_F(RestAuthority, ADumpDoesNotDoWhatTheOwnWayForbids) {
  const auto loaded = [this](const char* field, const json& value) {
    json self = admin("root");
    self.erase("password");
    self[field] = value;
    const json dump = {{"version", 17}, {"roles", json::array({{{"name", "north"}}})}, {"admins", json::array({self})}};
    return call("POST", "/loaddata", dump).status;
  };
  EXPECT_EQ(loaded("status", 0), 400);
  EXPECT_EQ(loaded("permissions", {"view_users"}), 400);
  json limited = admin("root", {"view_users"});
  EXPECT_EQ(loaded("role", "north"), 400);
  EXPECT_EQ((*provider_->admin("root"))->permissions, std::vector<std::string>{"*"});
  EXPECT_EQ(loaded("description", "the same one"), 200);
  EXPECT_EQ(call("POST", "/loaddata?mode=1", {{"version", 17}, {"admins", json::array({limited})}}).status, 200);
  EXPECT_EQ((*provider_->admin("root"))->permissions, std::vector<std::string>{"*"});
}

class RestRoleBounds : public RestAuthority {
 protected:
  RestRoleBounds() {
    EXPECT_EQ(call("POST", "/roles", {{"name", "north"}}).status, 201);
    token_north_ = token_with({"add_users", "edit_users", "manage_folders", "manage_groups", "quota_scans"}, "north");
  }
  int north(const char* method, const std::string& path, const json& body = nullptr) {
    return call(method, path, body, token_north_).status;
  }
  std::string token_north_;
};

// The fixture's base directory is /srv.
TEST_F(RestRoleBounds, NewDirectoriesLieBelowTheBase) {
  const auto at = [](json object, const char* field, const std::string& path) {
    object[field] = path;
    return object;
  };
  for (const char* outside : {"/home/x", "/srv", "/srv2/x", "/srv/../home", "/"}) {
    EXPECT_EQ(north("POST", "/users", at(user("u"), "home_dir", outside)), 403) << outside;
    EXPECT_EQ(north("POST", "/folders", at(folder("f"), "mapped_path", outside)), 403) << outside;
    EXPECT_EQ(north("POST", "/groups", {{"name", "g"}, {"user_settings", {{"home_dir", outside}}}}), 403) << outside;
  }
  EXPECT_EQ(north("POST", "/users", user("u")), 201);
  EXPECT_EQ(north("POST", "/folders", folder("f")), 201);
  EXPECT_EQ(north("POST", "/groups", {{"name", "g"}, {"user_settings", {{"home_dir", "/srv/g/%username%"}}}}), 201);
  EXPECT_EQ(north("PUT", "/users/u", at(user("u"), "home_dir", "/home/x")), 403);
  EXPECT_EQ(north("PUT", "/folders/f", at(folder("f"), "mapped_path", "/home/x")), 403);
  // What a chief has placed elsewhere may stay, and is not given to others.
  ASSERT_EQ(call("POST", "/folders", at(folder("far"), "mapped_path", "/home/far")).status, 201);
  ASSERT_EQ(call("POST", "/groups", {{"name", "away"}, {"user_settings", {{"home_dir", "/home/%username%"}}}}).status,
            201);
  json placed = at(user("placed"), "home_dir", "/home/placed");
  placed["role"] = "north";
  placed["virtual_folders"] = json::array({{{"name", "far"}, {"virtual_path", "/far"}}});
  ASSERT_EQ(call("POST", "/users", placed).status, 201);
  placed["description"] = "the same places";
  EXPECT_EQ(north("PUT", "/users/placed", placed), 200);
  json reaching = user("u");
  reaching["virtual_folders"] = json::array({{{"name", "far"}, {"virtual_path", "/far"}}});
  EXPECT_EQ(north("PUT", "/users/u", reaching), 403);
  json grouped = user("u");
  grouped["groups"] = json::array({{{"name", "away"}, {"type", 1}}});
  EXPECT_EQ(north("PUT", "/users/u", grouped), 403);
  EXPECT_EQ(north("POST", "/groups",
                  {{"name", "h"}, {"virtual_folders", json::array({{{"name", "far"}, {"virtual_path", "/f"}}})}}),
            403);
}

TEST_F(RestRoleBounds, WhatOthersUseIsNotChanged) {
  ASSERT_EQ(call("POST", "/folders", folder("shared")).status, 201);
  ASSERT_EQ(call("POST", "/folders", folder("indirect")).status, 201);
  ASSERT_EQ(call("POST", "/groups",
                 {{"name", "all"}, {"virtual_folders", json::array({{{"name", "indirect"}, {"virtual_path", "/i"}}})}})
                .status,
            201);
  ASSERT_EQ(call("POST", "/groups", {{"name", "admins"}}).status, 201);
  json other = user("southern");
  other["virtual_folders"] = json::array({{{"name", "shared"}, {"virtual_path", "/s"}}});
  other["groups"] = json::array({{{"name", "all"}, {"type", 2}}});
  json own = other;
  own["username"] = "northern";
  own["role"] = "north";
  json with_group = admin("grouped");
  with_group["groups"] = json::array({{{"name", "admins"}, {"options", {{"add_to_users_as", 0}}}}});
  ASSERT_EQ(call("POST", "/users", own).status, 201);
  ASSERT_EQ(call("POST", "/admins", with_group).status, 201);
  EXPECT_EQ(north("PUT", "/folders/shared", folder("shared")), 200);
  EXPECT_EQ(north("PUT", "/groups/all", {{"name", "all"}}), 200);
  EXPECT_EQ(north("PUT", "/groups/admins", {{"name", "admins"}}), 403);
  ASSERT_EQ(call("PUT", "/groups/all",
                 {{"name", "all"}, {"virtual_folders", json::array({{{"name", "indirect"}, {"virtual_path", "/i"}}})}})
                .status,
            200);
  ASSERT_EQ(call("POST", "/users", other).status, 201);
  for (const char* path : {"/folders/shared", "/folders/indirect"}) {
    EXPECT_EQ(north("PUT", path, folder("x")), 403) << path;
    EXPECT_EQ(north("DELETE", path), 403) << path;
  }
  EXPECT_EQ(north("PUT", "/groups/all", {{"name", "all"}}), 403);
  EXPECT_EQ(north("DELETE", "/groups/all"), 403);
  EXPECT_EQ(north("PUT", "/quotas/folders/shared/usage", {{"used_quota_size", 0}}), 403);
  EXPECT_EQ(call("PUT", "/folders/shared", folder("shared")).status, 200);
}

TEST_F(RestAuthority, ServersOwnDirectoriesAreGivenToNobody) {
  for (const std::string& path : {conf_, conf_ + "/x", backups_.path(), std::string("/"), conf_ + "/../conf/env.d"}) {
    json person = user("u"), shared = folder("f");
    person["home_dir"] = path;
    shared["mapped_path"] = path;
    EXPECT_EQ(call("POST", "/users", person).status, 400) << path;
    EXPECT_EQ(call("POST", "/folders", shared).status, 400) << path;
    EXPECT_EQ(call("POST", "/loaddata", {{"version", 17}, {"users", json::array({person})}}).status, 400) << path;
    EXPECT_EQ(call("POST", "/loaddata", {{"version", 17}, {"folders", json::array({shared})}}).status, 400) << path;
  }
  EXPECT_EQ(call("POST", "/groups", {{"name", "g"}, {"user_settings", {{"home_dir", conf_ + "/%username%"}}}}).status,
            400);
  // Only one of its users would lie there: that one is refused.
  const std::string parent = backups_.path() + "/%username%";
  ASSERT_EQ(call("POST", "/groups", {{"name", "g"}, {"user_settings", {{"home_dir", parent}}}}).status, 201);
  json person = user("conf");
  person["groups"] = json::array({{{"name", "g"}, {"type", 1}}});
  EXPECT_EQ(call("POST", "/users", person).status, 400);
  person["username"] = "other";
  EXPECT_EQ(call("POST", "/users", person).status, 201);
  person = user("data");
  person["home_dir"] = conf_ + "/data/u";
  EXPECT_EQ(call("POST", "/users", person).status, 201);
}

}  // namespace
}  // namespace ferry::test
