// /quotas: use that is set by hand, and scans.
#include <fstream>

#include "tests/support/temp_directory.h"
#include "tests/unit/rest/rest_fixture.h"

namespace ferry::test {
namespace {

class RestQuotas : public RestTest {
 protected:
  void SetUp() override {
    json alice = user("alice");
    alice["home_dir"] = base_ / "alice";
    EXPECT_EQ(call("POST", "/users", alice).status, 201);
    json shared = folder("shared");
    shared["mapped_path"] = base_ / "shared";
    EXPECT_EQ(call("POST", "/folders", shared).status, 201);
  }
  json shown(const std::string& path) { return call("GET", path).parsed(); }
  void finish(const std::string& path) {
    for (int i = 0; i < 2000 && !shown(path).empty(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(shown(path), json::array());
  }

  TempDirectory base_;
};

TEST_F(RestQuotas, usage_is_reset_and_added_to) {
  for (const std::string path : {"users/alice", "folders/shared"}) {
    const std::string usage = "/quotas/" + path + "/usage";
    EXPECT_EQ(call("PUT", usage, {{"used_quota_size", 100}, {"used_quota_files", 2}}).status, 200);
    EXPECT_EQ(call("PUT", usage + "?mode=add", {{"used_quota_size", 30}, {"used_quota_files", 1}}).status, 200);
    EXPECT_EQ(call("PUT", usage + "?mode=add", {{"used_quota_size", -30}}).status, 400);
    EXPECT_EQ(shown("/" + path)["used_quota_size"], 130);
    EXPECT_EQ(shown("/" + path)["used_quota_files"], 3);
    EXPECT_GT(shown("/" + path)["last_quota_update"], 0);
    EXPECT_EQ(call("PUT", usage + "?mode=reset", {{"used_quota_size", 5}}).status, 200);
    EXPECT_EQ(shown("/" + path)["used_quota_size"], 5);
    EXPECT_EQ(shown("/" + path).value("used_quota_files", 0), 0);
    for (const json& bad : {json{{"used_quota_size", -1}}, json{{"used_quota_size", "1"}}, json::array(),
                            json{{"used_quota_files", 1.5}}, json{{"used_quota_files", UINT64_MAX}}}) {
      EXPECT_EQ(call("PUT", usage, bad).status, 400) << bad;
    }
    EXPECT_EQ(call("PUT", usage + "?mode=other", json::object()).status, 400);
  }
  EXPECT_EQ(call("PUT", "/quotas/users/nobody/usage", json::object()).status, 404);
  EXPECT_EQ(call("PUT", "/quotas/folders/nothing/usage", json::object()).status, 404);
}

TEST_F(RestQuotas, transferred_data) {
  const std::string usage = "/quotas/users/alice/transfer-usage";
  EXPECT_EQ(call("PUT", usage, {{"used_upload_data_transfer", 10}, {"used_download_data_transfer", 20}}).status, 200);
  EXPECT_EQ(call("PUT", usage + "?mode=add", {{"used_upload_data_transfer", 1}}).status, 400) << "nothing is limited";
  json alice = shown("/users/alice");
  alice["total_data_transfer"] = 100;
  EXPECT_EQ(call("PUT", "/users/alice", alice).status, 200);
  EXPECT_EQ(call("PUT", usage + "?mode=add", {{"used_upload_data_transfer", 1}}).status, 200);
  EXPECT_EQ(shown("/users/alice")["used_upload_data_transfer"], 11);
  EXPECT_EQ(shown("/users/alice")["used_download_data_transfer"], 20);
  EXPECT_EQ(call("PUT", usage, {{"used_upload_data_transfer", -1}}).status, 400);
  EXPECT_EQ(call("PUT", "/quotas/users/nobody/transfer-usage", json::object()).status, 404);
}

TEST_F(RestQuotas, scans_find_what_is_there) {
  std::filesystem::create_directories(base_ / "alice/d");
  std::ofstream(base_ / "alice/d/f") << "four";
  std::filesystem::create_directories(base_ / "shared");
  std::ofstream(base_ / "shared/f") << "fives";
  EXPECT_EQ(call("POST", "/quotas/users/alice/scan").status, 202);
  EXPECT_EQ(call("POST", "/quotas/folders/shared/scan").parsed()["message"], "Scan started");
  finish("/quotas/users/scans");
  finish("/quotas/folders/scans");
  EXPECT_EQ(shown("/users/alice")["used_quota_size"], 4);
  EXPECT_EQ(shown("/users/alice")["used_quota_files"], 1);
  EXPECT_EQ(shown("/folders/shared")["used_quota_size"], 5);
  EXPECT_EQ(call("POST", "/quotas/users/nobody/scan").status, 404);
  EXPECT_EQ(call("POST", "/quotas/folders/nothing/scan").status, 404);
}

TEST_F(RestQuotas, an_admin_with_a_role_reaches_its_users_only) {
  ASSERT_EQ(call("POST", "/roles", {{"name", "north"}}).status, 201);
  const std::string token = token_with({"quota_scans"}, "north");
  // Those of others are to it as if they did not exist.
  const auto answers = [&](const std::string& name) {
    std::vector<std::string> bodies;
    for (const auto& [method, what] :
         {std::pair("POST", "scan"), std::pair("PUT", "usage"), std::pair("PUT", "transfer-usage")}) {
      const auto answer = call(method, "/quotas/users/" + name + '/' + what, json::object(), token);
      EXPECT_EQ(answer.status, 404);
      std::string body = answer.parsed().dump();
      if (const auto found = body.find(name); found != std::string::npos) body.replace(found, name.size(), "NAME");
      bodies.push_back(std::move(body));
    }
    return bodies;
  };
  EXPECT_EQ(answers("alice"), answers("nobody"));
  EXPECT_EQ(call("GET", "/quotas/users/scans", nullptr, token).parsed(), json::array());
}

}  // namespace
}  // namespace ferry::test
