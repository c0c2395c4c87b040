// POST /storage-checks: what is asked for, by whom, and what is answered.
#include <mutex>
#include <optional>

#include "tests/unit/rest/rest_fixture.h"

namespace ferry::test {
namespace {

class RestStorageChecks : public RestTest {
 protected:
  explicit RestStorageChecks(bool open_to_roles = false)
      : RestTest({.run = [this](rest::StorageCheck check) { return answered(std::move(check)); },
                  .open_to_roles = open_to_roles}) {}

  Task<Result<rest::StorageReport>> answered(rest::StorageCheck check) {
    const std::scoped_lock lock(mutex_);
    asked_ = std::move(check);
    co_return report_;
  }
  Answer check(const json& body, const std::string& token = {}) {
    asked_.reset();
    return call("POST", "/storage-checks", body, token);
  }
  static json bucket(const std::string& secret = "the secret key") {
    return {{"provider", 1},
            {"s3config",
             {{"bucket", "b"},
              {"region", "us-east-1"},
              {"access_key", "id"},
              {"access_secret", {{"status", "Plain"}, {"payload", secret}}}}}};
  }

  std::mutex mutex_;
  std::optional<rest::StorageCheck> asked_;
  Result<rest::StorageReport> report_ = rest::StorageReport{{{"settings", "", ""}, {"list", "", ""}}};
};

class RestStorageChecksByRoles : public RestStorageChecks {
 protected:
  RestStorageChecksByRoles() : RestStorageChecks(true) {
    EXPECT_EQ(call("POST", "/roles", {{"name", "north"}}).status, 201);
    north_ = token_with({"edit_users", "manage_folders"}, "north");
  }
  std::string north_;
};

TEST_F(RestStorageChecks, AFilesystemThatIsNotStored) {
  const Answer answer = check({{"filesystem", bucket()}, {"write", true}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.parsed(),
            (json{{"ok", true},
                  {"provider", 1},
                  {"checks", {{{"name", "settings"}, {"ok", true}}, {{"name", "list"}, {"ok", true}}}}}));
  ASSERT_TRUE(asked_);
  EXPECT_EQ(asked_->admin, "root");
  EXPECT_EQ(asked_->filesystem.s3config.access_secret.payload, "the secret key");
  EXPECT_TRUE(asked_->write);
  ASSERT_EQ(check({{"filesystem", {{"provider", 0}}}, {"mapped_path", "/srv/x"}}).status, 200);
  EXPECT_EQ(asked_->directory, "/srv/x");
  EXPECT_FALSE(asked_->write);
}

TEST_F(RestStorageChecks, StoredOnesWithTheirSecrets) {
  json person = user("maria"), cloud = folder("cloud");
  person["filesystem"] = bucket("maria's key");
  cloud["filesystem"] = bucket("the folder's key");
  ASSERT_EQ(call("POST", "/users", person).status, 201);
  ASSERT_EQ(call("POST", "/folders", cloud).status, 201);
  for (const json& body : {json{{"username", "maria"}}, json{{"folder", "cloud"}}}) {
    const Answer answer = check(body);
    ASSERT_EQ(answer.status, 200) << answer.body;
    ASSERT_TRUE(asked_);
    const auto secret = model::open(asked_->filesystem.s3config.access_secret, {});
    ASSERT_TRUE(secret);
    EXPECT_EQ(secret->text(), body.contains("folder") ? "the folder's key" : "maria's key");
    EXPECT_EQ(answer.body.find("key\""), std::string::npos);
    EXPECT_EQ(answer.body.find("payload"), std::string::npos);
  }
  EXPECT_EQ(check({{"username", "nobody"}}).status, 404);
  EXPECT_EQ(check({{"folder", "none"}}).status, 404);
}

TEST_F(RestStorageChecks, WhatIsWrongIsToldInAnAnswerOf200) {
  report_ = rest::StorageReport{{{"settings", "", ""}, {"list", "no_bucket", "the bucket does not exist"}}};
  const json answer = check({{"filesystem", bucket()}}).parsed();
  EXPECT_EQ(answer["ok"], false);
  EXPECT_EQ(answer["checks"][1]["problem"], "no_bucket");
  EXPECT_EQ(answer["checks"][1]["message"], "the bucket does not exist");
  report_ = fail(ErrorCode::limit_exceeded, "another check is running");
  EXPECT_EQ(check({{"filesystem", bucket()}}).status, 429);
}

TEST_F(RestStorageChecks, BodiesThatMeanNothing) {
  json sealed = bucket(), redacted = bucket(), no_bucket = bucket();
  sealed["s3config"]["access_secret"] = {{"status", "Secretbox"}, {"payload", "x"}, {"key", "y"}};
  redacted["s3config"]["access_secret"] = {{"status", "Redacted"}};
  no_bucket["s3config"].erase("bucket");
  const json bodies[] = {json::object(),
                         json::array(),
                         {{"username", "a"}, {"folder", "b"}},
                         {{"username", 1}},
                         {{"username", nullptr}},
                         {{"folder", "a"}, {"mapped_path", "/srv/x"}},
                         {{"filesystem", nullptr}},
                         {{"filesystem", "s3"}},
                         {{"filesystem", {{"provider", 0}}}},
                         {{"filesystem", {{"provider", 99}}}},
                         {{"filesystem", {{"provider", 0}}}, {"mapped_path", "relative"}},
                         {{"filesystem", {{"provider", 0}}}, {"mapped_path", conf_ + "/x"}},
                         {{"filesystem", bucket()}, {"write", "yes"}},
                         {{"filesystem", bucket()}, {"wriet", true}},
                         {{"filesystem", sealed}},
                         {{"filesystem", redacted}},
                         {{"filesystem", no_bucket}}};
  for (const json& body : bodies) {
    const Answer answer = check(body);
    EXPECT_EQ(answer.status, 400) << body << answer.body;
    EXPECT_FALSE(asked_) << body;
    EXPECT_EQ(answer.body.find("secret key"), std::string::npos);
  }
}

TEST_F(RestStorageChecks, TheRightToChangeWhatIsNamed) {
  ASSERT_EQ(call("POST", "/users", user("maria")).status, 201);
  ASSERT_EQ(call("POST", "/folders", folder("cloud")).status, 201);
  const json of_user{{"username", "maria"}}, of_folder{{"folder", "cloud"}}, given{{"filesystem", bucket()}};
  struct Case {
    const char* permission;
    int user, folder, given;
  };
  for (const Case& one : {Case{"edit_users", 200, 403, 200}, Case{"manage_folders", 403, 200, 200},
                          Case{"add_users", 403, 403, 200}, Case{"view_users", 403, 403, 403}}) {
    const std::string token = token_with({one.permission});
    EXPECT_EQ(check(of_user, token).status, one.user) << one.permission;
    EXPECT_EQ(check(of_folder, token).status, one.folder) << one.permission;
    EXPECT_EQ(check(given, token).status, one.given) << one.permission;
  }
}

TEST_F(RestStorageChecks, ARoleClosesThemUnlessConfigured) {
  ASSERT_EQ(call("POST", "/roles", {{"name", "north"}}).status, 201);
  const std::string north = token_with({"edit_users", "manage_folders"}, "north");
  EXPECT_EQ(check({{"filesystem", bucket()}}, north).status, 403);
  EXPECT_FALSE(asked_);
}

TEST_F(RestStorageChecksByRoles, TheLimitsOfTheRoleHold) {
  json ours = user("ours");
  ours["role"] = "north";
  json far = folder("far"), shared = folder("shared"), other = user("other");
  other["virtual_folders"] = json::array({{{"name", "shared"}, {"virtual_path", "/s"}}});
  ASSERT_EQ(call("POST", "/users", ours).status, 201);
  ASSERT_EQ(call("POST", "/folders", shared).status, 201);
  ASSERT_EQ(call("POST", "/users", other).status, 201);
  EXPECT_EQ(check({{"username", "ours"}}, north_).status, 200);
  EXPECT_EQ(check({{"username", "other"}}, north_).status, 404);
  EXPECT_EQ(check({{"folder", "shared"}}, north_).status, 403);
  EXPECT_EQ(check({{"filesystem", bucket()}}, north_).status, 200);
  EXPECT_EQ(check({{"filesystem", {{"provider", 0}}}, {"mapped_path", "/srv/x"}}, north_).status, 200);
  EXPECT_EQ(check({{"filesystem", {{"provider", 0}}}, {"mapped_path", "/home/x"}}, north_).status, 403);
  EXPECT_EQ(check({{"filesystem", {{"provider", 0}}}, {"mapped_path", "/srv/../home"}}, north_).status, 403);
}

}  // namespace
}  // namespace ferry::test
