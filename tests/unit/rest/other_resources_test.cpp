// /admins, /folders, /connections, the own account and the server about itself.
#include "tests/unit/rest/rest_fixture.h"

namespace ferry::test {
namespace {

using RestAdmins = RestTest;
using RestFolders = RestTest;
using RestOwnAccount = RestTest;
using RestService = RestTest;

TEST_F(RestAdmins, create_read_change_remove) {
  const Answer created = call("POST", "/admins", admin("second", {"view_users", "add_users"}));
  ASSERT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(created.header("Location"), "/api/v2/admins/second");
  EXPECT_EQ(created.body.find("password\""), std::string::npos);
  const json shown = call("GET", "/admins/second").parsed();
  EXPECT_EQ(shown, created.parsed());
  json changed = shown;
  changed["description"] = "deputy";
  EXPECT_EQ(call("PUT", "/admins/second", changed).parsed()["message"], "Admin updated");
  EXPECT_EQ(call("GET", "/admins/second").parsed()["description"], "deputy");
  EXPECT_FALSE(log_in("second", "an admin's password").empty());  // kept: the body had none
  const json list = call("GET", "/admins?order=DESC").parsed();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0]["username"], "second");
  EXPECT_EQ(list[1]["username"], "root");
  EXPECT_EQ(call("GET", "/admins?limit=1&offset=1").parsed()[0]["username"], "second");
  EXPECT_EQ(call("GET", "/admins?limit=501").status, 200);
  EXPECT_EQ(call("DELETE", "/admins/second").parsed()["message"], "Admin deleted");
  EXPECT_EQ(call("GET", "/admins/second").status, 404);
}

TEST_F(RestAdmins, refusals) {
  EXPECT_EQ(call("POST", "/admins", admin("root")).status, 409);
  EXPECT_EQ(call("POST", "/admins", admin("a", {"no_such_permission"})).status, 400);
  EXPECT_EQ(call("POST", "/admins", admin("a", json::array())).status, 400);
  EXPECT_EQ(call("POST", "/admins", admin("../a")).status, 400);
  EXPECT_EQ(call("POST", "/admins", json::array()).status, 400);
  json bad_network = admin("a");
  bad_network["filters"] = {{"allow_list", {"not a network"}}};
  EXPECT_EQ(call("POST", "/admins", bad_network).status, 400);
  EXPECT_EQ(call("PUT", "/admins/nobody", admin("nobody")).status, 404);
  EXPECT_EQ(call("DELETE", "/admins/nobody").status, 404);
}

TEST_F(RestAdmins, nobody_locks_himself_out) {
  EXPECT_EQ(call("DELETE", "/admins/root").status, 400);
  json self = admin("root");
  self.erase("password");
  self["status"] = 0;
  EXPECT_EQ(call("PUT", "/admins/root", self).status, 400);
  self["status"] = 1;
  self["permissions"] = {"view_users"};
  EXPECT_EQ(call("PUT", "/admins/root", self).status, 400);
  self["permissions"] = {"*"};
  self["role"] = "north";
  EXPECT_EQ(call("PUT", "/admins/root", self).status, 400);
  self.erase("role");
  self["description"] = "still here";
  EXPECT_EQ(call("PUT", "/admins/root", self).status, 200);
  EXPECT_EQ(call("GET", "/admins/root").parsed()["description"], "still here");
}

TEST_F(RestFolders, create_read_change_remove) {
  const Answer created = call("POST", "/folders", folder("shared files"));
  ASSERT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(created.header("Location"), "/api/v2/folders/shared%20files");
  EXPECT_EQ(call("GET", "/folders/shared%20files").parsed(), created.parsed());
  json changed = folder("shared files");
  changed["description"] = "for all";
  EXPECT_EQ(call("PUT", "/folders/shared%20files", changed).parsed()["message"], "Folder updated");
  EXPECT_EQ(call("GET", "/folders/shared%20files").parsed()["description"], "for all");
  json member = user("alice");
  member["virtual_folders"] = {{{"name", "shared files"}, {"virtual_path", "/shared"}}};
  ASSERT_EQ(call("POST", "/users", member).status, 201);
  EXPECT_EQ(call("GET", "/folders").parsed()[0]["users"], json({"alice"}));
  EXPECT_EQ(call("DELETE", "/folders/shared%20files").parsed()["message"], "Folder deleted");
  EXPECT_EQ(call("GET", "/folders/shared%20files").status, 404);
  EXPECT_TRUE(call("GET", "/users/alice").parsed().value("virtual_folders", json::array()).empty());
}

TEST_F(RestFolders, refusals_and_pages) {
  ASSERT_EQ(call("POST", "/folders", folder("b")).status, 201);
  ASSERT_EQ(call("POST", "/folders", folder("a")).status, 201);
  EXPECT_EQ(call("POST", "/folders", folder("a")).status, 409);
  EXPECT_EQ(call("POST", "/folders", {{"name", "c"}, {"mapped_path", "relative"}}).status, 400);
  EXPECT_EQ(call("POST", "/folders", folder("..")).status, 400);
  EXPECT_EQ(call("PUT", "/folders/none", folder("none")).status, 404);
  EXPECT_EQ(call("DELETE", "/folders/none").status, 404);
  EXPECT_EQ(call("GET", "/folders?limit=1&order=DESC").parsed()[0]["name"], "b");
  EXPECT_EQ(call("GET", "/folders?offset=2").parsed(), json::array());
  EXPECT_EQ(call("GET", "/folders?offset=x").status, 400);
}

TEST_F(RestFolders, secrets_are_bound_and_redacted) {
  json with_secret = folder("vault");
  with_secret["filesystem"] = {{"provider", 4},
                               {"cryptconfig", {{"passphrase", {{"status", "Plain"}, {"payload", "open sesame"}}}}}};
  const Answer created = call("POST", "/folders", with_secret);
  ASSERT_EQ(created.status, 201) << created.body;
  const auto sealed = provider_->folder("vault")->filesystem.cryptconfig.passphrase;
  EXPECT_EQ(created.parsed()["filesystem"]["cryptconfig"]["passphrase"],
            (json{{"status", "Secretbox"}, {"payload", sealed.payload}}));
  EXPECT_TRUE(sealed.is_encrypted());
  EXPECT_EQ(call("PUT", "/folders/vault", call("GET", "/folders/vault").parsed()).status, 200);
  EXPECT_EQ(provider_->folder("vault")->filesystem.cryptconfig.passphrase, sealed);
}

TEST_F(RestOwnAccount, change_password) {
  const auto change = [&](const json& body) { return call("PUT", "/admin/changepwd", body).status; };
  EXPECT_EQ(change({{"current_password", "wrong"}, {"new_password", "another one"}}), 400);
  EXPECT_EQ(change({{"current_password", root_password}}), 400);
  EXPECT_EQ(change({{"current_password", root_password}, {"new_password", 5}}), 400);
  EXPECT_EQ(change({{"current_password", root_password}, {"new_password", root_password}}), 400);
  EXPECT_EQ(change({{"current_password", root_password}, {"new_password", "another one"}}), 200);
  EXPECT_EQ(call("GET", "/version").status, 401);  // the old token ended with the old password
  EXPECT_TRUE(log_in("root", root_password).empty());
  EXPECT_FALSE(log_in("root", "another one").empty());
}

TEST_F(RestOwnAccount, profile) {
  EXPECT_EQ(call("PUT", "/admin/profile", {{"email", "root@example.com"}, {"description", "me"}}).status, 200);
  const json profile = call("GET", "/admin/profile").parsed();
  EXPECT_EQ(profile["email"], "root@example.com");
  EXPECT_EQ(profile["description"], "me");
  EXPECT_EQ(call("PUT", "/admin/profile", {{"email", "no address"}}).status, 400);
  EXPECT_EQ(call("PUT", "/admin/profile", {{"email", 1}}).status, 400);
  EXPECT_EQ(call("PUT", "/admin/profile", {{"allow_api_key_auth", "yes"}}).status, 400);
  EXPECT_EQ(call("GET", "/admins/root").parsed()["permissions"], json({"*"}));
}

TEST_F(RestService, health_needs_nobody) {
  const Answer health = raw("GET", "/healthz", "");
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(health.body, "ok");
  EXPECT_EQ(health.header("Content-Type"), "text/plain; charset=utf-8");
}

TEST_F(RestService, version_and_status) {
  const json version = call("GET", "/version").parsed();
  EXPECT_EQ(version["version"], "1.2.3");
  EXPECT_EQ(version["features"], json({"+memory"}));
  const json status = call("GET", "/status").parsed();
  EXPECT_EQ(status["ssh"]["bindings"][0]["port"], 2022);
  EXPECT_EQ(status["ssh"]["host_keys"][0]["fingerprint"], "SHA256:abc");
  EXPECT_EQ(status["data_provider"]["driver"], "memory");
  EXPECT_EQ(status["data_provider"]["is_active"], true);
  EXPECT_EQ(status["ftp"]["is_active"], false);
}

TEST_F(RestService, connections_are_listed_and_closed) {
  EXPECT_EQ(call("GET", "/connections").parsed(), json::array());
  presence::ConnectionInfo info;
  info.id = "SFTP_0123_1";
  info.protocol = "SFTP";
  info.remote_address = "192.0.2.7:5022";
  info.client_version = "SSH-2.0-test";
  bool told = false;
  info.disconnect = [&told] { told = true; };
  auto row = registry_->enter("alice", info, 0);
  ASSERT_TRUE(row);
  const auto transfer = (*row)->add_transfer(true, "/a file");
  transfer->add(42);
  const json list = call("GET", "/connections").parsed();
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0]["username"], "alice");
  EXPECT_EQ(list[0]["connection_id"], "SFTP_0123_1");
  EXPECT_EQ(list[0]["remote_address"], "192.0.2.7:5022");
  EXPECT_EQ(list[0]["active_transfers"][0]["operation_type"], "upload");
  EXPECT_EQ(list[0]["active_transfers"][0]["size"], 42);
  EXPECT_EQ(call("DELETE", "/connections/none").status, 404);
  EXPECT_FALSE(told);
  EXPECT_EQ(call("DELETE", "/connections/SFTP_0123_1").status, 200);
  EXPECT_TRUE(told);
}

}  // namespace
}  // namespace ferry::test
