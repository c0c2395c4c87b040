// Dumps: ours come back as they were, SFTPGo's of every version load, hostile ones change nothing.
#include "store/dump.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "store/memory/memory_provider.h"
#include "store/sqlite/sqlite_provider.h"
#include "tests/conformance/store/provider_suite.h"

namespace ferry::store {
namespace {

using Json = nlohmann::json;
using Names = std::vector<std::string>;

AccountOptions options() {
  AccountOptions options;
  options.hashing.bcrypt_cost = 4;
  return options;
}

Json sample(const char* name) {
  std::ifstream file(std::string(FERRY_TEST_DATA) + "/dumps/" + name);
  Json dump = Json::parse(file, nullptr, false);
  EXPECT_TRUE(dump.is_object()) << name;
  return dump;
}

class DumpTest : public testing::Test {
 protected:
  LoadReport load(const Json& dump, LoadMode mode = LoadMode::update) {
    const auto report = load_dump(accounts_, dump.dump(), {.mode = mode});
    EXPECT_TRUE(report) << report.error().message;
    return report ? *report : LoadReport();
  }
  // Loading is refused with this message, and nothing has changed.
  std::string refusal(const std::string& text) {
    const std::string before = dumped();
    const auto report = load_dump(accounts_, text, {.mode = LoadMode::update});
    EXPECT_FALSE(report);
    EXPECT_EQ(dumped(), before);
    if (report) return "";
    EXPECT_EQ(report.error().code, ErrorCode::invalid_argument);
    return report.error().message;
  }
  std::string dumped() { return *write_dump(*provider_, DumpScopes::everything(), false); }

  std::unique_ptr<Provider> provider_ = make_memory_provider();
  Accounts accounts_{*provider_, options()};
};

TEST_F(DumpTest, OursComesBackIdentical) {
  load(sample("version-17.json"));
  load(sample("version-13.json"));
  load(sample("version-9.json"));
  const std::string first = dumped();
  EXPECT_EQ(first.find("\"id\":"), first.rfind("\"id\":"));  // of the API key, which is a part of it
  EXPECT_NE(first.find("\"id\":\"abc\""), std::string::npos);

  const auto other = make_memory_provider();
  Accounts other_accounts(*other, options());
  const auto report = load_dump(other_accounts, first, {.mode = LoadMode::update});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->added, 11U);
  EXPECT_TRUE(report->left_out.empty());
  EXPECT_EQ(*write_dump(*other, DumpScopes::everything(), false), first);

  ScratchDirectory scratch;
  auto sqlite = open_sqlite({.path = scratch.file("data.db")});
  ASSERT_TRUE(sqlite);
  Accounts sqlite_accounts(**sqlite, options());
  ASSERT_TRUE(load_dump(sqlite_accounts, first, {.mode = LoadMode::add}));
  EXPECT_EQ(*write_dump(**sqlite, DumpScopes::everything(), false), first);
  // Once more, over what is there.
  const auto again = load_dump(sqlite_accounts, first, {.mode = LoadMode::add});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->kept, 11U);
  EXPECT_EQ(*write_dump(**sqlite, DumpScopes::everything(), false), first);
}

TEST_F(DumpTest, OfVersion9) {
  const LoadReport report = load(sample("version-9.json"));
  EXPECT_EQ(report.added, 4U);
  EXPECT_EQ(report.users, Names{"old-user"});
  EXPECT_EQ(report.folders, Names{"shared"});
  EXPECT_EQ(report.left_out, Names{"shares (2)"});
  EXPECT_EQ(report.text(), "4 added, 0 updated, 0 left as they were; not kept by this server: shares (2)");
  EXPECT_EQ(provider_->api_key("abc")->key, "$2a$10$x");
  const auto user = *provider_->user("old-user");
  EXPECT_TRUE(user->password.starts_with("$2a$10$"));
  EXPECT_EQ(user->created_at, 1630000000000);
  EXPECT_EQ(user->last_login, 1640000000001);
  EXPECT_EQ(user->used_quota_size, 0);
  EXPECT_EQ(user->filesystem.cryptconfig.passphrase.payload, "cGF5bG9hZA==");
  EXPECT_EQ(user->virtual_folders.at(0).mapped_path, "/srv/shared");
  EXPECT_EQ(user->virtual_folders.at(0).quota_size, -1);
  EXPECT_TRUE(user->filters.hooks.pre_login_disabled);
  EXPECT_EQ(provider_->folder("shared")->used_quota_size, 10) << "folders keep it";
  EXPECT_EQ(provider_->folder("shared")->used_quota_files, 1);
  EXPECT_EQ((*provider_->admin("old-admin"))->filters.allow_list, Names{"127.0.0.0/8"});
}

TEST_F(DumpTest, OfVersion13) {
  const LoadReport report = load(sample("version-13.json"));
  EXPECT_EQ(report.left_out, Names{"users.filters.data_transfer_limits (1)"});
  EXPECT_EQ(provider_->group("staff")->users, Names{"grouped"});
  EXPECT_EQ(provider_->folder("shared")->groups, Names{"staff"});
  EXPECT_EQ((*provider_->effective_user("grouped"))->home_dir, "/srv/grouped");
  EXPECT_EQ((*provider_->effective_user("grouped"))->virtual_folders.size(), 1U);
}

TEST_F(DumpTest, OfVersion17) {
  const LoadReport report = load(sample("version-17.json"));
  EXPECT_EQ(report.left_out, (Names{"configs (1)", "event_actions (1)", "event_rules (1)"}));
  const auto entry = provider_->ip_list_entry(model::IpListType::allow_list, "10.0.0.0/8");
  EXPECT_EQ(entry->mode, 1);
  const auto user = *provider_->user("new-user");
  EXPECT_EQ(user->role, "north");
  EXPECT_EQ(user->groups, (std::vector<model::GroupMapping>{{"g", 2}}));
  EXPECT_TRUE(user->filters.totp_config.enabled);
  EXPECT_EQ(user->filters.recovery_codes.size(), 1U);
  EXPECT_EQ(user->first_upload, 1700000000004);
  EXPECT_EQ(user->last_password_change, 1700000000005);
  EXPECT_EQ((*provider_->admin("limited"))->role, "north");
  EXPECT_EQ(provider_->role("north")->created_at, 1700000000000);
}

TEST_F(DumpTest, Modes) {
  load(sample("version-13.json"));
  ASSERT_TRUE(provider_->update_user_quota("grouped", {1, 2}, QuotaUpdate::add));
  Json changed = sample("version-13.json");
  changed["users"][0]["description"] = "changed";
  changed["users"][0]["password"] = "";
  changed["users"][0]["created_at"] = 5;
  changed["users"].push_back({{"username", "another"}, {"home_dir", "/h"}, {"permissions", {{"/", {"*"}}}}});
  LoadReport report = load(changed, LoadMode::add);
  EXPECT_EQ(report.added, 1U);
  EXPECT_EQ(report.kept, 3U);
  EXPECT_EQ(report.users, Names{"another"});
  EXPECT_EQ((*provider_->user("grouped"))->description, "");
  report = load(changed, LoadMode::update);
  EXPECT_EQ(report.updated, 4U);
  EXPECT_EQ(report.updated_users, (Names{"grouped", "another"}));
  const auto user = *provider_->user("grouped");
  EXPECT_EQ(user->description, "changed");
  EXPECT_FALSE(user->has_password());
  EXPECT_EQ(user->used_quota_size, 2);
  EXPECT_GT(user->created_at, 5);
}

TEST_F(DumpTest, WhatIsPlainIsHashedAndSealed) {
  const Json dump{
      {"users",
       {{{"username", "u"},
         {"home_dir", "/h"},
         {"password", "plain"},
         {"permissions", {{"/", {"*"}}}},
         {"filesystem",
          {{"provider", 4}, {"cryptconfig", {{"passphrase", {{"status", "Plain"}, {"payload", "hush"}}}}}}}}}},
      {"admins", {{{"username", "a"}, {"password", "plain"}, {"permissions", {"*"}}}}}};
  load(dump);
  EXPECT_TRUE((*provider_->user("u"))->password.starts_with("$2a$04$"));
  EXPECT_TRUE((*provider_->user("u"))->filesystem.cryptconfig.passphrase.is_encrypted());
  EXPECT_TRUE((*provider_->admin("a"))->password.starts_with("$2a$04$"));
  EXPECT_EQ(dumped().find("\"plain\""), std::string::npos);
  EXPECT_EQ(dumped().find("hush"), std::string::npos);
}

TEST_F(DumpTest, ApiKeysNeedTheirOwnerAndAHash) {
  Json dump = {{"api_keys", {{{"id", "K"}, {"name", "n"}, {"key", "{SHA256}00"}, {"scope", 2}, {"user", "nobody"}}}}};
  EXPECT_EQ(refusal(dump.dump()), "api_keys[0] \"K\": user: user \"nobody\" does not exist");
  dump["api_keys"][0]["user"] = "";
  dump["api_keys"][0]["key"] = "in plain text";
  EXPECT_NE(refusal(dump.dump()).find("the hash of a key expected"), std::string::npos);
  dump["api_keys"][0]["key"] = "{SHA256}00";
  dump["api_keys"].push_back(dump["api_keys"][0]);
  EXPECT_EQ(refusal(dump.dump()), "api_keys[1] \"K\" stands twice");
  dump["api_keys"][1]["id"] = "L";
  EXPECT_EQ(load(dump).added, 2U);
}

TEST_F(DumpTest, Scopes) {
  load(sample("version-17.json"));
  const auto keys = [&](std::string_view words) {
    Names names;
    const Json dump = Json::parse(*write_dump(*provider_, *DumpScopes::parse(words), true));
    EXPECT_EQ(dump.size(), 12U) << "the others are null";
    for (const auto& [name, value] : dump.items()) {
      if (!value.is_null()) names.push_back(name);
    }
    return names;
  };
  EXPECT_EQ(keys(""), (Names{"admins", "api_keys", "configs", "event_actions", "event_rules", "folders", "groups",
                             "ip_lists", "roles", "shares", "users", "version"}));
  EXPECT_EQ(keys("users,roles"), (Names{"roles", "users", "version"}));
  EXPECT_EQ(keys("shares,configs,actions,rules,api_keys,ip_lists"),
            (Names{"api_keys", "configs", "event_actions", "event_rules", "ip_lists", "shares", "version"}));
  EXPECT_FALSE(DumpScopes::parse("users,everything"));
  EXPECT_FALSE(DumpScopes::parse("users,,roles"));
}

TEST_F(DumpTest, IpListsTellOfTheirChanges) {
  Names changed;
  accounts_.on_ip_list_change([&](model::IpListType type, const std::string& ipornet) {
    changed.push_back(std::to_string(static_cast<int>(type)) + " " + ipornet);
  });
  const std::string twice = R"({"ipornet":"10.0.0.1","type":1,"mode":1},{"ipornet":"10.0.0.1/32","type":1,"mode":1})";
  EXPECT_NE(refusal("{\"ip_lists\":[" + twice + "]}").find("stands twice"), std::string::npos);
  EXPECT_NE(refusal(R"({"ip_lists":[{"ipornet":"10.0.0.1","type":1,"mode":2}]})").find("mode"), std::string::npos);
  EXPECT_NE(refusal(R"({"ip_lists":[{"ipornet":"host","type":2,"mode":2}]})").find("ipornet"), std::string::npos);
  EXPECT_EQ(changed, Names{});
  const auto loaded = load_dump(accounts_, R"({"ip_lists":[{"ipornet":"10.0.0.1","type":1,"mode":1},
      {"ipornet":"10.0.0.1","type":2,"mode":2}]})",
                                {.mode = LoadMode::update});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(changed, (Names{"1 10.0.0.1/32", "2 10.0.0.1/32"}));
}

TEST_F(DumpTest, HostileDumpsChangeNothingAndNameTheObject) {
  load(sample("version-17.json"));
  EXPECT_EQ(refusal(""), "not valid JSON");
  EXPECT_EQ(refusal("[]"), "a JSON object expected");
  EXPECT_EQ(refusal("{\"users\":" + std::string(100000, '[')), "the JSON is nested too deeply");
  EXPECT_EQ(refusal(R"({"users":{}})"), "users: a list expected");
  EXPECT_EQ(refusal(R"({"users":[5]})"), "users[0]: a JSON object expected");
  EXPECT_EQ(refusal(R"({"version":"17"})"), "version: an integer expected");
  EXPECT_EQ(refusal(R"({"users":[{"username":"a","home_dir":"/h","permissions":{"/":["*"]},"quota_size":"1"}]})"),
            "users[0]: quota_size: an integer expected");
  const std::string good = R"({"username":"a","home_dir":"/h","permissions":{"/":["*"]}})";
  EXPECT_EQ(refusal("{\"users\":[" + good + "," + good + "]}"), "users[1] \"a\" stands twice");
  EXPECT_EQ(refusal("{\"users\":[" + good + R"(,{"username":" a ","home_dir":"/h","permissions":{"/":["*"]}}]})"),
            "users[1] \"a\" stands twice");
  EXPECT_EQ(
      refusal("{\"roles\":[{\"name\":\"new\"}],\"users\":[" + good +
              R"(,{"username":"b","home_dir":"/h","permissions":{"/":["*"]},"groups":[{"name":"none","type":1}]}]})"),
      "users[1] \"b\": groups: group \"none\" does not exist");
  EXPECT_EQ(refusal(R"({"groups":[{"name":"h","virtual_folders":[{"name":"none","virtual_path":"/v"}]}]})"),
            "groups[0] \"h\": virtual_folders: folder \"none\" does not exist");
  EXPECT_EQ(refusal(R"({"admins":[{"username":"x","password":"p","permissions":["view_users"],"role":"none"}]})"),
            "admins[0] \"x\": role: role \"none\" does not exist");
  EXPECT_NE(refusal(R"({"admins":[{"username":"x","password":"p","permissions":["*"],"role":"north"}]})"), "");
  EXPECT_NE(refusal(R"({"admins":[{"username":"x","status":1,"permissions":["view_users"]}]})"), "");
  EXPECT_NE(refusal(R"({"roles":[{"name":"../x"}]})"), "");
  EXPECT_NE(refusal(R"({"roles":[{"name":"a\u0000b"}]})"), "");
  EXPECT_NE(refusal(R"({"folders":[{"name":"x","mapped_path":"relative"}]})"), "");
  EXPECT_NE(refusal(R"({"users":[{"username":"a","home_dir":"/h","permissions":{"/":["*"]},
    "filesystem":{"provider":4,"cryptconfig":{"passphrase":{"status":"Redacted"}}}}]})"),
            "");
  // A part of what is stored may be referred to.
  load(Json::parse(R"({"users":[{"username":"a","home_dir":"/h","permissions":{"/":["*"]},"role":"north",
    "groups":[{"name":"g","type":1}]}]})"));
}

// A user of these fields beside what every one needs.
Json user_with(const char* name, const Json& fields) {
  Json user{{"username", name}, {"status", 1}, {"home_dir", "/h"}, {"permissions", {{"/", {"*"}}}}};
  user.update(fields);
  return user;
}

TEST_F(DumpTest, ObservedDumpsOfSftpGoLoadWhole) {
  for (const auto& [name, users, lost] :
       {std::tuple{"observed-17.json", 37U,
                   Names{"configs (1)", "event_actions (21)", "event_rules (11)", "shares (6)"}},
        std::tuple{"observed-10.json", 24U, Names{"shares (3)"}}}) {
    const auto provider = make_memory_provider();
    AccountOptions rules = options();
    rules.can_open = [](model::FilesystemProvider storage) { return storage == model::FilesystemProvider::local; };
    Accounts accounts(*provider, rules);
    const Json dump = sample(name);
    const auto report = load_dump(accounts, dump.dump(), {});
    ASSERT_TRUE(report) << name << ": " << report.error().message;
    EXPECT_EQ(report->users.size(), users);
    EXPECT_EQ(report->left_out, lost) << name << ": all else is kept, fields of storages too";
    EXPECT_TRUE(report->skipped.empty() && report->locked.empty());
    const auto named = [&](const char* object) { return std::ranges::count(report->unusable, object) == 1; };
    EXPECT_TRUE(named("users \"u_s3\"") && named("folders \"crypt\"") && named("users \"full\"")) << report->text();
    EXPECT_FALSE(named("users \"plain\""));
    const Json again = Json::parse(*write_dump(*provider, DumpScopes::everything(), false));
    for (const Json& folder : dump["folders"]) {
      const auto same = std::ranges::find(again["folders"], folder["name"], [](const Json& f) { return f["name"]; });
      ASSERT_NE(same, again["folders"].end());
      EXPECT_EQ((*same)["used_quota_size"], folder.value("used_quota_size", 0));
    }
  }
  const auto closed = load_dump(accounts_, sample("observed-17.json").dump(), {});
  ASSERT_TRUE(closed);
  EXPECT_EQ((*provider_->user("perm_null"))->permissions.at("/closed"), Names{});
}

TEST_F(DumpTest, AllBadObjectsAreNamedAtOnceAndCanBeSkipped) {
  const Json dump{
      {"folders", {{{"name", "good"}, {"mapped_path", "/g"}}, {{"name", "bad"}, {"mapped_path", "relative"}}}},
      {"users",
       {user_with("a", {{"expiration_date", -1}}), user_with("b", Json::object()), user_with("c", {{"uid", "x"}}),
        user_with("d", {{"virtual_folders", {{{"name", "bad"}, {"virtual_path", "/v"}}}}}),
        user_with("e", {{"filters", {{"tls_username", "Robot"}}}}), user_with("b", Json::object()), 5}},
      {"admins", {{{"username", "root"}, {"password", "{SSHA}abc"}, {"permissions", {"*"}}, {"status", 1}}}}};
  const std::string problem = refusal(dump.dump());
  EXPECT_TRUE(problem.starts_with("8 objects are not valid: folders[1] \"bad\": mapped_path: ")) << problem;
  for (const char* part :
       {"users[0] \"a\": expiration_date: cannot be negative; users[2]: uid: an integer expected; users[3] \"d\": "
        "virtual_folders: folder \"bad\" does not exist; users[4] \"e\": filters.tls_username: unknown value; users[5] "
        "\"b\" stands twice; users[6]: a JSON object expected; admins[0] \"root\": password: hashes of scheme {SSHA} "
        "are not known"}) {
    EXPECT_TRUE(problem.ends_with(part)) << problem;
  }
  const auto report = load_dump(accounts_, dump.dump(), {.skip_invalid = true});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->added, 2U);
  EXPECT_EQ(report->users, Names{"b"});
  EXPECT_EQ(report->folders, Names{"good"});
  ASSERT_EQ(report->skipped.size(), 8U);
  EXPECT_EQ(report->skipped[1], "users[0] \"a\": expiration_date: cannot be negative");
  EXPECT_TRUE(report->text().contains("not valid, so skipped: folders[1]"));
  // What is no JSON is not skipped.
  EXPECT_FALSE(load_dump(accounts_, R"({"users":[{"username":"x"},{bad}]})", {.skip_invalid = true}));
}

TEST_F(DumpTest, AThousandBadObjectsAreNamedInAnAnswerOfBoundedSize) {
  Json dump{{"users", Json::array()}};
  for (int i = 0; i < 5000; ++i) dump["users"].push_back(user_with("u", {{"status", 7}}));
  const std::string problem = refusal(dump.dump());
  EXPECT_TRUE(problem.starts_with("5000 objects are not valid: users[0]")) << problem.substr(0, 100);
  EXPECT_TRUE(problem.ends_with(" more")) << problem.substr(problem.size() - 100);
  EXPECT_LT(problem.size(), 100'000U);
}

TEST_F(DumpTest, OneObjectIsOfBoundedSizeAndSoAreTheNamesOfUnknownFields) {
  std::string many;
  for (int i = 0; i < 1'500'000; ++i) many += "{},";
  EXPECT_TRUE(refusal(R"({"users":[{"x":[)" + many + "{}]}]}").contains("larger than 4 MiB"));
  EXPECT_TRUE(refusal(R"({"whatever":{"x":[)" + many + "{}]}}").contains("larger than 4 MiB"));
  Json role{{"name", "r"}};
  for (int i = 0; i < 5000; ++i) role["field" + std::to_string(i)] = 1;
  const LoadReport report = load({{"roles", {role}}});
  EXPECT_EQ(report.left_out.size(), 201U);
  EXPECT_TRUE(report.text().contains("other fields (4800)"));
}

TEST_F(DumpTest, LocksAndHashesThatAreNotKnown) {
  const LoadReport report =
      load({{"users", {user_with("locked", {{"password", "!$6$salt$x"}}), user_with("open", {{"password", "a!b"}})}},
            {"admins", {{{"username", "root"}, {"password", "*LK*"}, {"permissions", {"*"}}, {"status", 1}}}}});
  EXPECT_EQ(report.locked, (Names{"users \"locked\"", "admins \"root\""}));
  EXPECT_TRUE(report.text().contains("users \"locked\", admins \"root\""));
  EXPECT_EQ((*provider_->user("locked"))->status, 0);
  EXPECT_FALSE((*provider_->user("locked"))->has_password());
  EXPECT_EQ((*provider_->admin("root"))->status, 0);
  EXPECT_TRUE((*provider_->user("open"))->has_password());
  EXPECT_EQ(load(Json::parse(dumped())).updated, 3U) << "the disabled administrator without a password, too";
  for (const char* text : {"{SSHA}abc", "$P$abc", "$6$bad", "rl.3StKT.4T8M"}) {
    const std::string problem = refusal(Json{{"users", {user_with("x", {{"password", text}})}}}.dump());
    EXPECT_TRUE(problem.starts_with("users[0] \"x\": password: ")) << problem;
  }
}

TEST_F(DumpTest, OtherVersionsAreReadAsFarAsTheyGo) {
  EXPECT_EQ(load({{"version", 8}, {"users", {user_with("old", Json::object())}}}).added, 1U);
  EXPECT_EQ(load({{"version", 99}, {"users", {user_with("new", Json::object())}}}).added, 1U);
}

TEST_F(DumpTest, WhatStoragesHaveBesideIsKept) {
  const Json s3{{"bucket", "b"},
                {"region", "r"},
                {"skip_tls_verify", true},
                {"checksum_algorithm", 3},
                {"nested", {{"a", {1, 2}}}},
                {"nothing", nullptr},
                {"token", {{"status", "Plain"}, {"payload", "x"}}}};
  const LoadReport report = load({{"users", {user_with("u", {{"filesystem", {{"provider", 1}, {"s3config", s3}}}})}}});
  EXPECT_EQ(report.left_out, Names{"users.filesystem.s3config.token (1)"}) << "it could not be encrypted";
  const Json kept = Json::parse(dumped())["users"][0]["filesystem"]["s3config"];
  EXPECT_EQ(kept["checksum_algorithm"], 3);
  EXPECT_EQ(kept["nested"], (Json{{"a", {1, 2}}}));
  EXPECT_EQ(kept["skip_tls_verify"], true);
  EXPECT_FALSE(kept.contains("token") || kept.contains("nothing"));
}

TEST_F(DumpTest, TextThatIsNearlyJson) {
  for (const char* text :
       {R"({"users":[],})", R"({"users":[] "roles":[]})", R"({"users":[1,]})", R"({"users":[,1]})",
        R"({"users":[1 2]})", R"({"users":[]]})", R"({"users":[]} {})", R"({"users")", R"({"users":})", R"({"a":"b)",
        R"({a:1})", R"({"x":[{]})", R"({"shares":[{"a":tru}]})", R"({"shares":nul})", R"({"users":[{"a":1]]})",
        R"({"users":[],"users":[]})", R"({"users":[{"username":"\u12"}]})", "{\"users\":[\"\\", "{1:2}"}) {
    EXPECT_NE(refusal(text), "") << text;
  }
  EXPECT_EQ(load(Json::parse("{ \"users\" : [ ] , \"shares\" : null }")).added, 0U);
  EXPECT_TRUE(load_dump(accounts_, " {\n\t\"roles\" : [ { \"name\" : \"]}\\\"\" } ]\r\n} \n", {}));
  EXPECT_TRUE(provider_->role("]}\""));
}

}  // namespace
}  // namespace ferry::store
