#include "model/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ferry::model {
namespace {

using Json = nlohmann::json;

// Every field of the REST schema User with a value that is not its default.
const char* const full_user = R"({
 "id":7,"status":0,"username":"maria","email":"m@example.com","description":"d","expiration_date":1,
 "password":"$2a$10$x","public_keys":["ssh-ed25519 AAAA c"],"home_dir":"/srv/maria",
 "virtual_folders":[{"id":3,"name":"f","mapped_path":"/m","description":"fd","used_quota_size":5,
  "used_quota_files":6,"last_quota_update":8,"users":["maria"],"groups":["g"],"filesystem":{"provider":4,
  "cryptconfig":{"passphrase":{"status":"Secretbox","payload":"p","key":"k","additional_data":"a","mode":1},
  "read_buffer_size":1,"write_buffer_size":2}},
  "virtual_path":"/v","quota_size":-1,"quota_files":-1,"subpath":"s"}],
 "uid":1,"gid":2,"max_sessions":3,"quota_size":4,"quota_files":5,
 "permissions":{"/":["*"],"/in":["list","upload"]},
 "used_quota_size":6,"used_quota_files":7,"last_quota_update":8,"upload_bandwidth":9,"download_bandwidth":10,
 "upload_data_transfer":11,"download_data_transfer":12,"total_data_transfer":13,"used_upload_data_transfer":14,
 "used_download_data_transfer":15,"created_at":16,"updated_at":17,"last_login":18,"first_download":19,
 "first_upload":20,"last_password_change":21,
 "filters":{"allowed_ip":["10.0.0.0/8"],"denied_ip":["10.1.0.0/16"],"denied_login_methods":["password"],
  "denied_protocols":["FTP"],"file_patterns":[{"path":"/p","allowed_patterns":["*.a"],"denied_patterns":["*.b"],
  "deny_policy":1}],"max_upload_file_size":22,"tls_username":"CommonName",
  "hooks":{"external_auth_disabled":true,"pre_login_disabled":true,"check_password_disabled":true},
  "disable_fs_checks":true,"web_client":["shares-disabled"],"allow_api_key_auth":true,"user_type":"OSUser",
  "bandwidth_limits":[{"sources":["1.2.3.0/24"],"upload_bandwidth":23,"download_bandwidth":24}],
  "external_auth_cache_time":25,"start_directory":"/start","two_factor_protocols":["SSH"],"ftp_security":1,
  "is_anonymous":true,"default_shares_expiration":26,"max_shares_expiration":27,"password_expiration":28,
  "password_strength":29,"access_time":[{"day_of_week":1,"from":"08:00","to":"17:00"}],
  "require_password_change":true,
  "totp_config":{"enabled":true,"config_name":"Default","secret":{"status":"Secretbox","payload":"t"},
  "protocols":["SSH"]},
  "recovery_codes":[{"secret":{"status":"Secretbox","payload":"r"},"used":true}],
  "tls_certs":["cert"],"additional_emails":["x@example.com"]},
 "filesystem":{"provider":1,"osconfig":{"read_buffer_size":1,"write_buffer_size":2},
  "s3config":{"bucket":"b","region":"r","access_key":"ak","access_secret":{"status":"Secretbox","payload":"s3"},
   "sse_customer_key":{"status":"AES-256-GCM","payload":"sse"},"role_arn":"arn","session_token":"st",
   "endpoint":"e","storage_class":"sc","acl":"acl","upload_part_size":6,"upload_concurrency":2,
   "upload_part_max_time":3,"download_part_size":7,"download_concurrency":4,"download_part_max_time":5,
   "force_path_style":true,"key_prefix":"kp/"},
  "gcsconfig":{"bucket":"b","credentials":{"status":"GCP","payload":"g"},"automatic_credentials":1,
   "storage_class":"sc","acl":"acl","key_prefix":"kp/","upload_part_size":1,"upload_part_max_time":2},
  "azblobconfig":{"container":"c","account_name":"an","account_key":{"status":"AWS","payload":"az"},
   "sas_url":{"status":"VaultTransit","payload":"sas"},"endpoint":"e","upload_part_size":1,"upload_concurrency":2,
   "download_part_size":3,"download_concurrency":4,"access_tier":"Hot","key_prefix":"kp/","use_emulator":true},
  "cryptconfig":{"passphrase":{"status":"Secretbox","payload":"c"},"read_buffer_size":3,"write_buffer_size":4},
  "sftpconfig":{"endpoint":"h:22","username":"u","password":{"status":"Secretbox","payload":"p"},
   "private_key":{"status":"Secretbox","payload":"k"},"key_passphrase":{"status":"Secretbox","payload":"kp"},
   "fingerprints":["SHA256:x"],"prefix":"/p","disable_concurrent_reads":true,"buffer_size":2,
   "equality_check_mode":1},
  "httpconfig":{"endpoint":"http://h","username":"u","password":{"status":"Secretbox","payload":"p"},
   "api_key":{"status":"Secretbox","payload":"a"},"skip_tls_verify":true,"equality_check_mode":1}},
 "additional_info":"ai","groups":[{"name":"g","type":2}],
 "oidc_custom_fields":{"any":{"thing":[1,2.5,"x"]}},"role":"r"})";

const char* const full_admin = R"({"id":1,"status":0,"username":"root","description":"d","password":"$2a$10$h",
 "email":"a@example.com","permissions":["add_users"],
 "filters":{"allow_list":["10.0.0.0/8"],"allow_api_key_auth":true,"require_two_factor":true,
  "require_password_change":true,"totp_config":{"enabled":true,"config_name":"c","secret":{"status":"Secretbox",
  "payload":"t"}},"recovery_codes":[{"secret":{"status":"Secretbox","payload":"r"},"used":true}],
  "preferences":{"hide_user_page_sections":3,"default_users_expiration":4}},
 "additional_info":"i","groups":[{"name":"g","options":{"add_to_users_as":1}}],"created_at":1,"updated_at":2,
 "last_login":3,"role":"r"})";

TEST(ModelJson, EveryFieldOfAUserSurvivesStorage) {
  const Json given = Json::parse(full_user);
  const auto user = user_from_json(given);
  ASSERT_TRUE(user) << user.error().message;
  EXPECT_EQ(to_json(*user, View::storage), given);
  EXPECT_EQ(*user_from_text(to_text(*user, View::storage)), *user);
}

TEST(ModelJson, EveryFieldOfAnAdminSurvivesStorage) {
  const Json given = Json::parse(full_admin);
  const auto admin = admin_from_json(given);
  ASSERT_TRUE(admin) << admin.error().message;
  EXPECT_EQ(to_json(*admin, View::storage), given);
}

TEST(ModelJson, FolderSurvivesStorage) {
  const Json given = Json::parse(full_user)["virtual_folders"][0];
  auto folder = folder_from_json(given);
  ASSERT_TRUE(folder);
  Json expected = given;
  for (const char* name : {"virtual_path", "quota_size", "quota_files", "subpath"}) expected.erase(name);
  EXPECT_EQ(to_json(*folder, View::storage), expected);
}

// A group with every field of its schema, from the user's where they are alike.
Json full_group() {
  const Json user = Json::parse(full_user);
  Json settings{{"expires_in", 30}};
  for (const char* name : {"home_dir", "max_sessions", "quota_size", "quota_files", "permissions", "upload_bandwidth",
                           "download_bandwidth", "upload_data_transfer", "download_data_transfer",
                           "total_data_transfer", "filters", "filesystem"}) {
    settings[name] = user[name];
  }
  for (const char* name :
       {"require_password_change", "totp_config", "recovery_codes", "tls_certs", "additional_emails"}) {
    settings["filters"].erase(name);
  }
  return {{"id", 1},
          {"name", "g"},
          {"description", "d"},
          {"created_at", 2},
          {"updated_at", 3},
          {"user_settings", settings},
          {"virtual_folders", user["virtual_folders"]},
          {"users", {"u"}},
          {"admins", {"a"}}};
}

TEST(ModelJson, EveryFieldOfAGroupSurvivesStorage) {
  const auto group = group_from_json(full_group());
  ASSERT_TRUE(group) << group.error().message;
  EXPECT_EQ(to_json(*group, View::storage), full_group());
  EXPECT_EQ(*group_from_text(to_text(*group, View::storage)), *group);
  const std::string answer = to_text(*group, View::answer);
  for (const char* secret : {"\"key\"", "additional_data"}) EXPECT_EQ(answer.find(secret), std::string::npos);
}

TEST(ModelJson, EveryFieldOfARoleSurvivesStorage) {
  const Json given = Json::parse(
      R"({"id":1,"name":"r","description":"d","created_at":2,"updated_at":3,"users":["u"],"admins":["a"]})");
  const auto role = role_from_json(given);
  ASSERT_TRUE(role) << role.error().message;
  EXPECT_EQ(to_json(*role, View::storage), given);
  EXPECT_FALSE(role_from_text(R"({"name":[]})"));
}

// Of a secret an answer shows the status and the encrypted payload, never what would open it.
TEST(ModelJson, AnswersShowNoSecret) {
  Json given = Json::parse(full_user);
  const auto mark = [](Json& secret) {
    for (const char* part : {"key", "additional_data"}) secret[part] = "TOPSECRET";
    secret["payload"] = "encrypted";
  };
  for (auto& [section, config] : given["filesystem"].items()) {
    if (!config.is_object()) continue;
    for (auto& [name, value] : config.items()) {
      if (value.is_object()) mark(value);
    }
  }
  mark(given["virtual_folders"][0]["filesystem"]["cryptconfig"]["passphrase"]);
  mark(given["filters"]["totp_config"]["secret"]);
  mark(given["filters"]["recovery_codes"][0]["secret"]);
  given["password"] = "TOPSECRET";
  const auto user = user_from_json(given);
  ASSERT_TRUE(user);
  const std::string answer = to_text(*user, View::answer);
  EXPECT_EQ(answer.find("TOPSECRET"), std::string::npos) << answer;
  const Json json = Json::parse(answer);
  EXPECT_EQ(json["has_password"], true);
  EXPECT_FALSE(json.contains("password"));
  EXPECT_EQ(json["filesystem"]["s3config"]["access_secret"], Json({{"status", "Secretbox"}, {"payload", "encrypted"}}));
  const Json confidential = to_json(*user, View::confidential);
  EXPECT_FALSE(confidential.contains("password"));
  EXPECT_EQ(confidential["filesystem"]["s3config"]["access_secret"]["key"], "TOPSECRET");

  Json admin_json = Json::parse(full_admin);
  admin_json["password"] = "TOPSECRET";
  mark(admin_json["filters"]["totp_config"]["secret"]);
  mark(admin_json["filters"]["recovery_codes"][0]["secret"]);
  EXPECT_EQ(to_text(*admin_from_json(admin_json), View::answer).find("TOPSECRET"), std::string::npos);
}

TEST(ModelJson, MistakesNameTheField) {
  const auto message = [](const char* text) {
    const auto user = user_from_text(text);
    EXPECT_FALSE(user) << text;
    return user ? std::string() : user.error().message;
  };
  EXPECT_EQ(message("[1]"), "a JSON object expected");
  EXPECT_EQ(message("{"), "not valid JSON");
  EXPECT_EQ(message(R"({"username":5})"), "username: a string expected");
  EXPECT_EQ(message(R"({"quota_size":"5"})"), "quota_size: an integer expected");
  EXPECT_EQ(message(R"({"quota_size":1.5})"), "quota_size: an integer expected");
  EXPECT_EQ(message(R"({"quota_size":18446744073709551615})"), "quota_size: a smaller integer expected");
  EXPECT_EQ(message(R"({"permissions":{"/":"*"}})"), "permissions./: a list expected");
  EXPECT_EQ(message(R"({"filters":{"hooks":{"pre_login_disabled":1}}})"),
            "filters.hooks.pre_login_disabled: true or false expected");
  EXPECT_EQ(message(R"({"filesystem":{"provider":7}})"), "filesystem.provider: a number from 0 to 6 expected");
  EXPECT_EQ(message(R"({"virtual_folders":[{},{"name":[]}]})"), "virtual_folders[1].name: a string expected");
  EXPECT_EQ(message(R"({"oidc_custom_fields":[]})"), "oidc_custom_fields: an object expected");
  EXPECT_EQ(message(R"({"password":5})"), "password: a string expected");
}

TEST(ModelJson, MissingNullAndUnknownFieldsAreNoMistake) {
  const auto user = user_from_text(R"({"username":"u","filters":null,"permissions":null,"invented":{"a":1}})");
  ASSERT_TRUE(user);
  EXPECT_EQ(user->username, "u");
}

// The weaker reading of what is left out: nobody is let in, and no key or group is the strongest by default.
TEST(ModelJson, WhatIsLeftOutGrantsNothing) {
  EXPECT_EQ(user_from_text(R"({"username":"u"})")->status, 0);
  EXPECT_EQ(admin_from_text(R"({"username":"a"})")->status, 0);
  EXPECT_EQ(api_key_from_text(R"({"name":"k"})")->scope, 0);
  EXPECT_EQ(user_from_text(R"({"groups":[{"name":"g"},{"name":"h","type":2}]})")->groups,
            (std::vector<GroupMapping>{{"g", 0}, {"h", 2}}));
}

TEST(ModelJson, AnswersHaveZerosAndEmptyBlocksWhereSftpgoHasThem) {
  const Json user = to_json(*user_from_text(R"({"username":"u"})"), View::answer);
  const Json nothing = Json::object();
  for (const char* block :
       {"osconfig", "s3config", "gcsconfig", "azblobconfig", "cryptconfig", "sftpconfig", "httpconfig"})
    EXPECT_EQ(user["filesystem"][block], nothing);
  for (const char* zero : {"upload_data_transfer", "download_data_transfer", "total_data_transfer"})
    EXPECT_EQ(user[zero], 0);
  EXPECT_EQ(user["filters"]["totp_config"], Json({{"secret", nothing}}));
  for (const char* absent : {"expiration_date", "has_password", "password"}) EXPECT_FALSE(user.contains(absent));
  EXPECT_FALSE(to_json(*user_from_text(R"({"username":"u"})"), View::storage)["filesystem"].contains("s3config"));

  const Json folder = to_json(*folder_from_text(R"({"name":"f"})"), View::answer);
  EXPECT_EQ(folder["filesystem"]["azblobconfig"], Json({{"account_key", nothing}, {"sas_url", nothing}}));
  const Json settings = to_json(*group_from_text(R"({"name":"g"})"), View::answer)["user_settings"];
  EXPECT_EQ(settings["home_dir"], "");
  EXPECT_TRUE(settings["permissions"].is_null());
  EXPECT_EQ(settings["filesystem"]["s3config"], nothing);
  EXPECT_EQ(to_json(*admin_from_text(R"({"username":"a"})"), View::answer)["filters"]["require_two_factor"], false);
}

TEST(Json, AnEntryOfPermissionsThatIsThereCounts) {
  const auto user = user_from_text(R"({"username":"u","permissions":{"/":["*"],"/null":null,"/empty":[]}})");
  ASSERT_TRUE(user);
  EXPECT_EQ(user->permissions, (Permissions{{"/", {"*"}}, {"/empty", {}}, {"/null", {}}}));
  const auto json = to_json(*user, View::answer);
  EXPECT_EQ(json["permissions"]["/null"], nlohmann::json::array());
  const auto group = group_from_text(R"({"name":"g","user_settings":{"permissions":{"/null":null}}})");
  EXPECT_EQ(group->user_settings.permissions, (Permissions{{"/null", {}}}));
  EXPECT_FALSE(user_from_text(R"({"permissions":{"/":""}})"));
  EXPECT_FALSE(user_from_text(R"({"permissions":{"/":{}}})"));
}

TEST(Json, StoragesKeepWhatIsNotKnown) {
  const auto folder = folder_from_text(
      R"({"name":"f","filesystem":{"provider":1,"later":1,"s3config":{"bucket":"b","skip_tls_verify":true,"x":{"y":[2]},
          "none":null,"key":{"status":"Plain","payload":"p"}}}})");
  ASSERT_TRUE(folder);
  EXPECT_TRUE(folder->filesystem.s3config.skip_tls_verify);
  for (const View view : {View::answer, View::confidential, View::storage}) {
    const auto json = to_json(*folder, view)["filesystem"];
    EXPECT_EQ(json["later"], 1);
    EXPECT_EQ(json["s3config"]["x"]["y"][0], 2);
    EXPECT_FALSE(json["s3config"].contains("key") || json["s3config"].contains("none"));
    EXPECT_EQ(*folder_from_json(nlohmann::json{{"name", "f"}, {"filesystem", json}}), *folder);
  }
}

}  // namespace
}  // namespace ferry::model
