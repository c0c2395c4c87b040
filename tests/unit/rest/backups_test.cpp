// /dumpdata and /loaddata.
#include <sys/stat.h>

#include <fstream>

#include "tests/unit/rest/rest_fixture.h"

namespace ferry::test {
namespace {

class RestBackups : public RestTest {
 protected:
  std::string file(const std::string& name) {
    std::ifstream in(backups_.path() + "/dumps/" + name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  json dump() { return call("GET", "/dumpdata?output-data=1").parsed(); }
};

TEST_F(RestBackups, a_dump_in_the_answer_loads_back) {
  ASSERT_EQ(call("POST", "/roles", {{"name", "r"}}).status, 201);
  ASSERT_EQ(call("POST", "/folders", folder("f")).status, 201);
  ASSERT_EQ(
      call("POST", "/groups", {{"name", "g"}, {"virtual_folders", {{{"name", "f"}, {"virtual_path", "/f"}}}}}).status,
      201);
  json member = user("alice");
  member["role"] = "r";
  member["groups"] = {{{"name", "g"}, {"type", 1}}};
  ASSERT_EQ(call("POST", "/users", member).status, 201);
  const json all = dump();
  EXPECT_EQ(all["version"], 17);
  EXPECT_EQ(all["users"][0]["username"], "alice");
  EXPECT_TRUE(all["users"][0]["password"].get<std::string>().starts_with("$2a$"));
  EXPECT_EQ(all["admins"][0]["username"], "root");
  ASSERT_EQ(call("DELETE", "/users/alice").status, 200);
  ASSERT_EQ(call("DELETE", "/groups/g").status, 200);
  const Answer loaded = call("POST", "/loaddata", all);
  EXPECT_EQ(loaded.status, 200) << loaded.body;
  EXPECT_EQ(loaded.parsed()["message"], "Data restored: 2 added, 3 updated, 0 left as they were");
  json again = dump();
  again["admins"][0]["updated_at"] = all["admins"][0]["updated_at"];
  for (const char* list : {"roles", "folders"}) {
    if (again[list][0].contains("updated_at")) again[list][0]["updated_at"] = all[list][0]["updated_at"];
  }
  EXPECT_EQ(again, all);
  const json some = call("GET", "/dumpdata?output-data=1&scopes=users,roles").parsed();
  EXPECT_TRUE(some["users"].is_array() && some["roles"].is_array());
  EXPECT_TRUE(some["admins"].is_null() && some["shares"].is_null());
  EXPECT_NE(call("GET", "/dumpdata?output-data=1&indent=1").body.find("\n  \""), std::string::npos);
}

TEST_F(RestBackups, files_lie_in_the_backups_directory) {
  EXPECT_EQ(call("GET", "/dumpdata").status, 400);
  const Answer saved = call("GET", "/dumpdata?output-file=daily/one.json");
  EXPECT_EQ(saved.status, 200) << saved.body;
  EXPECT_EQ(json::parse(file("daily/one.json")), dump());
  struct stat info {};
  ASSERT_EQ(::stat((backups_.path() + "/dumps/daily/one.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_EQ(call("GET", "/loaddata?input-file=daily/one.json").status, 200);
  EXPECT_EQ(call("GET", "/loaddata").status, 400);
  const std::string outside = backups_.path() + "/outside.json";
  std::ofstream(outside) << dump().dump();
  for (const std::string& name :
       {std::string("../outside.json"), std::string("..%2Foutside.json"), outside, std::string("/etc/passwd"),
        std::string("none.json"), std::string("daily"), std::string("daily/../../outside.json")}) {
    for (const char* call_with : {"/loaddata?input-file=", "/dumpdata?output-file="}) {
      const Answer answer = call("GET", call_with + name);
      if (name == "none.json" && call_with[1] == 'd') continue;
      EXPECT_EQ(answer.status, 400) << call_with << name;
      EXPECT_EQ(answer.body.find(backups_.path()), std::string::npos) << answer.body;
    }
  }
}

TEST_F(RestBackups, modes_and_scans) {
  ASSERT_EQ(call("POST", "/users", user("alice")).status, 201);
  json all = dump();
  all["users"][0]["description"] = "changed";
  all["shares"] = {{{"id", "s"}}};
  const auto told = std::make_shared<bool>(false);
  presence::ConnectionInfo info;
  info.id = "SFTP_1";
  info.disconnect = [told] { *told = true; };
  const auto row = registry_->enter("alice", info, 0);
  const Answer kept = call("POST", "/loaddata?mode=1", all);
  EXPECT_EQ(kept.parsed()["message"],
            "Data restored: 0 added, 0 updated, 2 left as they were; not kept by this server: shares (1)");
  EXPECT_FALSE(call("GET", "/users/alice").parsed().contains("description"));
  EXPECT_EQ(call("POST", "/loaddata?mode=0", all).status, 200);
  EXPECT_EQ(call("GET", "/users/alice").parsed()["description"], "changed");
  EXPECT_FALSE(*told);
  EXPECT_EQ(call("POST", "/loaddata?mode=2", all).status, 200);
  EXPECT_TRUE(*told);
  // alice has no limits.
  all["users"][0]["home_dir"] = backups_.path() + "/alice";
  const auto begun = [&](int scan) {
    const std::string message = call("POST", "/loaddata?scan-quota=" + std::to_string(scan), all).parsed()["message"];
    return message.substr(std::min(message.find("begun: "), message.size() - 1));
  };
  EXPECT_EQ(begun(2), "begun: 0");
  EXPECT_EQ(begun(1), "begun: 1");
}

TEST_F(RestBackups, what_is_not_valid_is_named_and_can_be_skipped) {
  json bad = user("bad");
  bad["password"] = "{SSHA}abc";
  json locked = user("locked");
  locked["password"] = "!!";
  const json dump_of_both = {{"users", {user("good"), bad, locked}}, {"version", 17}};
  const Answer refused = call("POST", "/loaddata", dump_of_both);
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.body.find("users[1] \\\"bad\\\": password"), std::string::npos) << refused.body;
  EXPECT_EQ(call("GET", "/users/good").status, 404);
  EXPECT_EQ(call("POST", "/loaddata?skip-invalid=2", dump_of_both).status, 400);
  const Answer loaded = call("POST", "/loaddata?skip-invalid=1", dump_of_both);
  ASSERT_EQ(loaded.status, 200) << loaded.body;
  const std::string message = loaded.parsed()["message"];
  EXPECT_NE(message.find("skipped: users[1] \"bad\""), std::string::npos) << message;
  EXPECT_NE(message.find("disabled: users \"locked\""), std::string::npos) << message;
  EXPECT_EQ(call("GET", "/users/good").status, 200);
  EXPECT_EQ(call("GET", "/users/bad").status, 404);
  EXPECT_EQ(call("GET", "/users/locked").parsed()["status"], 0);
  EXPECT_EQ(call("POST", "/loaddata", {{"users", json::array()}}).parsed()["message"], "Data restored");
}

TEST_F(RestBackups, refusals) {
  for (const char* query : {"mode=3", "mode=-1", "mode=x", "scan-quota=3", "scan-quota=1x"}) {
    EXPECT_EQ(call("POST", std::string("/loaddata?") + query, json::object()).status, 400) << query;
  }
  EXPECT_EQ(call("GET", "/dumpdata?output-data=2").status, 400);
  EXPECT_EQ(call("GET", "/dumpdata?output-data=1&scopes=everything").status, 400);
  const json before = dump();
  const Answer bad = call("POST", "/loaddata", {{"users", {user("alice"), {{"username", "bob"}}}}});
  EXPECT_EQ(bad.status, 400);
  EXPECT_TRUE(bad.parsed()["error"].get<std::string>().starts_with("users[1] \"bob\": ")) << bad.body;
  EXPECT_EQ(dump(), before);
  // More than other bodies, and still bounded.
  const std::string fields = "Authorization: Bearer " + token_ + "\r\n";
  const std::string large = "{\"users\":[]," + std::string(3 << 20, ' ') + "\"version\":17}";
  EXPECT_EQ(raw("POST", "/api/v2/loaddata", fields, large).status, 200);
  EXPECT_EQ(raw("POST", "/api/v2/users", fields, large).status, 413);
  EXPECT_EQ(raw("POST", "/api/v2/loaddata", fields + "Content-Length: 104857601\r\n").status, 413);
}

TEST_F(RestBackups, only_for_administrators_with_every_permission) {
  const std::string some = token_with({"view_users", "manage_system", "manage_folders"});
  EXPECT_EQ(call("GET", "/dumpdata?output-data=1", nullptr, some).status, 403);
  EXPECT_EQ(call("POST", "/loaddata", json::object(), some).status, 403);
  EXPECT_EQ(call("GET", "/loaddata?input-file=x", nullptr, some).status, 403);
}

}  // namespace
}  // namespace ferry::test
