// Second factors and own accounts of users and administrators.
#include "tests/unit/auth/one_time_code.h"
#include "tests/unit/rest/rest_fixture.h"

namespace ferry::test {
namespace {

class RestSecondFactor : public RestTest {
 protected:
  static std::string code(std::int64_t later = 0) { return auth::one_time_code(store::now_ms() / 1000 + later); }
  static json totp(const json& protocols = {"HTTP"}) {
    return {{"enabled", true},
            {"config_name", "Default"},
            {"secret", {{"status", "Plain"}, {"payload", auth::totp_secret}}},
            {"protocols", protocols}};
  }
  // A new user; the token of it.
  std::string new_user(const std::string& name, const json& filters = json::object()) {
    json body = user(name);
    body["filters"] = filters;
    EXPECT_EQ(call("POST", "/users", body).status, 201);
    return log_in_user(name, "a user's password");
  }
  int status(std::string_view method, const std::string& path, const std::string& token, const json& body = nullptr) {
    return call(method, path, body, token).status;
  }
};

TEST_F(RestSecondFactor, configurations) {
  const json expected = {{{"name", "Default"}, {"issuer", "Ferry & Co"}, {"algo", "sha1"}},
                         {{"name", "Strong"}, {"issuer", "Ferry"}, {"algo", "sha512"}}};
  EXPECT_EQ(call("GET", "/admin/totp/configs").parsed(), expected);
  EXPECT_EQ(call("GET", "/user/totp/configs", nullptr, new_user("maria")).parsed(), expected);
  EXPECT_EQ(call("GET", "/status").parsed()["mfa"], (json{{"is_active", true}, {"totp_configs", expected}}));
}

TEST_F(RestSecondFactor, a_generated_secret) {
  const json made = call("POST", "/admin/totp/generate", {{"config_name", "Default"}}).parsed();
  const std::string secret = made["secret"];
  EXPECT_EQ(secret.size(), 32U);  // 160 bits
  EXPECT_EQ(made["url"],
            "otpauth://totp/Ferry%20%26%20Co:Admin%20%22root%22?algorithm=SHA1&digits=6&issuer=Ferry%20%26%20Co&period="
            "30&secret=" +
                secret);
  const auto png = crypto::base64_decode(made["qr_code"].get<std::string>());
  ASSERT_TRUE(png);
  EXPECT_TRUE(as_text(*png).starts_with("\x89PNG\r\n"));
  EXPECT_NE(call("POST", "/admin/totp/generate", {{"config_name", "Default"}}).parsed()["secret"], secret);
  EXPECT_EQ(
      call("POST", "/admin/totp/generate", {{"config_name", "Strong"}}).parsed()["secret"].get<std::string>().size(),
      103U);  // 512 bits
  EXPECT_EQ(call("POST", "/admin/totp/generate", {{"config_name", "Gone"}}).status, 400);
  EXPECT_EQ(call("POST", "/admin/totp/generate", json::object()).status, 400);
  EXPECT_EQ(call("POST", "/admin/totp/generate", {{"config_name", 1}}).status, 400);
}

TEST_F(RestSecondFactor, a_code_is_validated_once_and_not_used_up_for_logins) {
  json body = {{"config_name", "Default"}, {"secret", auth::totp_secret}, {"passcode", code()}};
  EXPECT_EQ(call("POST", "/admin/totp/validate", body).status, 200);
  EXPECT_EQ(call("POST", "/admin/totp/validate", body).status, 400) << "used up";
  body["passcode"] = "12345x";
  EXPECT_EQ(call("POST", "/admin/totp/validate", body).status, 400);
  body["passcode"] = code();
  body["secret"] = "not base32!";
  EXPECT_EQ(call("POST", "/admin/totp/validate", body).status, 400);
  body["secret"] = auth::totp_secret;
  body["config_name"] = "Gone";
  EXPECT_EQ(call("POST", "/admin/totp/validate", body).status, 400);
}

TEST_F(RestSecondFactor, an_administrator_from_set_up_to_recovery) {
  EXPECT_EQ(call("GET", "/admin/2fa/recoverycodes").status, 403);
  EXPECT_EQ(call("POST", "/admin/2fa/recoverycodes").status, 403);
  ASSERT_EQ(call("POST", "/admin/totp/save", totp()).status, 200);
  const auto stored = provider_->admin("root");
  EXPECT_EQ((*stored)->filters.totp_config.secret.status, "Secretbox");
  EXPECT_EQ((*stored)->filters.totp_config.secret.additional_data, "root");
  EXPECT_TRUE((*stored)->filters.totp_config.protocols.empty());
  EXPECT_EQ(ask_token("root", root_password).status, 401);
  EXPECT_EQ(ask_token("root", root_password, "000000x").status, 401);
  const std::string now = code();
  EXPECT_EQ(ask_token("root", root_password, now).status, 200);
  EXPECT_EQ(ask_token("root", root_password, now).status, 401);
  const json codes = call("GET", "/admin/2fa/recoverycodes").parsed();
  ASSERT_EQ(codes.size(), 12U);
  const std::string first = codes[0]["secret"]["payload"];
  EXPECT_EQ(codes[0], (json{{"code", first}, {"secret", {{"status", "Plain"}, {"payload", first}}}, {"used", false}}));
  EXPECT_EQ(ask_token("root", root_password, first).status, 200);
  EXPECT_EQ(ask_token("root", root_password, first).status, 401);
  EXPECT_EQ(call("GET", "/admin/2fa/recoverycodes").parsed()[0]["used"], true);
  EXPECT_EQ(call("GET", "/admins/root").body.find(first), std::string::npos);
  const json fresh = call("POST", "/admin/2fa/recoverycodes").parsed();
  ASSERT_EQ(fresh.size(), 12U);
  EXPECT_EQ(ask_token("root", root_password, codes[1]["secret"]["payload"]).status, 401);
  EXPECT_EQ(ask_token("root", root_password, fresh[11]).status, 200);
  ASSERT_EQ(call("POST", "/admin/totp/save", {{"enabled", false}}).status, 200);
  EXPECT_EQ(ask_token("root", root_password).status, 200);
  EXPECT_TRUE((*provider_->admin("root"))->filters.recovery_codes.empty());
}

TEST_F(RestSecondFactor, a_user_by_protocol) {
  const std::string token = new_user("maria");
  ASSERT_EQ(status("POST", "/user/totp/save", token, totp({"SSH"})), 200);
  EXPECT_EQ(ask_token("maria", "a user's password", "", "/api/v2/user/token").status, 200);
  json redacted = totp({"SSH", "HTTP"});
  redacted["secret"] = {{"status", "Redacted"}};
  ASSERT_EQ(status("POST", "/user/totp/save", token, redacted), 200);
  EXPECT_EQ((*provider_->user("maria"))->filters.recovery_codes.size(), 12U);
  EXPECT_TRUE(log_in_user("maria", "a user's password").empty());
  EXPECT_FALSE(log_in_user("maria", "a user's password", code()).empty());
  const json codes = call("GET", "/user/2fa/recoverycodes", nullptr, token).parsed();
  EXPECT_FALSE(log_in_user("maria", "a user's password", codes[3]["secret"]["payload"]).empty());
  EXPECT_TRUE(log_in_user("maria", "a user's password", codes[3]["secret"]["payload"]).empty());
  EXPECT_EQ(call("GET", "/users/maria").parsed()["filters"]["totp_config"]["secret"]["status"], "Secretbox");
  // An update of the account brings the factor along.
  ASSERT_EQ(call("PUT", "/users/maria", user("maria")).status, 200);
  EXPECT_TRUE((*provider_->user("maria"))->filters.totp_config.enabled);
}

TEST_F(RestSecondFactor, what_cannot_be_saved) {
  const std::string token = new_user("maria");
  const auto refused = [&](const json& patch) {
    json body = totp();
    body.update(patch);
    EXPECT_EQ(status("POST", "/user/totp/save", token, body), 400) << patch;
  };
  refused({{"protocols", json::array()}});
  refused({{"protocols", {"DAV"}}});
  refused({{"config_name", "Gone"}});
  refused({{"config_name", ""}});
  refused({{"secret", {{"status", "Plain"}, {"payload", "not base32!"}}}});
  refused({{"secret", {{"status", "Plain"}, {"payload", ""}}}});
  refused({{"secret", {{"status", "Redacted"}}}});
  refused({{"secret", {{"status", "Secretbox"}, {"payload", "x"}, {"key", "y"}}}});
  refused({{"secret", nullptr}});
  refused({{"enabled", "yes"}});
  EXPECT_FALSE((*provider_->user("maria"))->filters.totp_config.enabled);
  ASSERT_EQ(status("POST", "/user/totp/save", token, totp()), 200);
  refused({{"secret", {{"status", "Redacted"}}}, {"config_name", "Strong"}});
}

TEST_F(RestSecondFactor, required_and_not_set_up) {
  const std::string token = new_user("maria", {{"two_factor_protocols", {"HTTP", "SSH"}}});
  ASSERT_FALSE(token.empty());
  EXPECT_EQ(status("PUT", "/user/profile", token, json::object()), 403);
  EXPECT_EQ(status("GET", "/user/profile", token), 200);
  EXPECT_EQ(status("GET", "/user/totp/configs", token), 200);
  EXPECT_EQ(status("POST", "/user/totp/save", token, totp({"HTTP"})), 400);
  EXPECT_EQ(status("POST", "/user/totp/save", token, totp({"HTTP", "SSH"})), 200);
  EXPECT_EQ(status("PUT", "/user/profile", token, json::object()), 200);
  EXPECT_EQ(status("POST", "/user/totp/save", token, {{"enabled", false}}), 400);
  json body = admin("second");
  body["filters"] = {{"require_two_factor", true}};
  ASSERT_EQ(call("POST", "/admins", body).status, 201);
  const std::string second = log_in("second", "an admin's password");
  ASSERT_FALSE(second.empty());
  EXPECT_EQ(status("GET", "/users", second), 403);
  EXPECT_EQ(status("PUT", "/admin/profile", second, json::object()), 403);
  EXPECT_EQ(status("POST", "/admin/totp/save", second, totp()), 200);
  EXPECT_EQ(status("GET", "/users", second), 200);
  EXPECT_EQ(status("POST", "/admin/totp/save", second, {{"enabled", false}}), 400);
}

TEST_F(RestSecondFactor, switched_off_by_an_administrator) {
  const std::string maria = new_user("maria");
  ASSERT_EQ(status("POST", "/user/totp/save", maria, totp()), 200);
  ASSERT_EQ(call("POST", "/admins", admin("second", {"disable_mfa"})).status, 201);
  const std::string second = log_in("second", "an admin's password");
  ASSERT_EQ(status("POST", "/admin/totp/save", second, totp()), 200);
  const std::string weak = token_with({"edit_users"}), may = token_with({"disable_mfa"});
  ASSERT_EQ(call("POST", "/roles", {{"name", "north"}}).status, 201);
  const std::string limited = token_with({"disable_mfa"}, "north");
  for (const char* path : {"/users/maria/2fa/disable", "/admins/second/2fa/disable"}) {
    EXPECT_EQ(status("PUT", path, weak), 403);
    EXPECT_EQ(status("PUT", path, maria), 401);
    EXPECT_EQ(status("PUT", path, limited), 404);
    EXPECT_EQ(status("PUT", path, may), 200);
    EXPECT_EQ(status("PUT", path, may), 400) << "there is none any more";
  }
  EXPECT_EQ(status("PUT", "/users/nobody/2fa/disable", may), 404);
  EXPECT_EQ(status("PUT", "/admins/nobody/2fa/disable", may), 404);
  EXPECT_FALSE(log_in_user("maria", "a user's password").empty());
  EXPECT_FALSE(log_in("second", "an admin's password").empty());
  EXPECT_TRUE((*provider_->user("maria"))->filters.recovery_codes.empty());
}

TEST_F(RestSecondFactor, a_users_profile_and_its_restrictions) {
  const std::string token = new_user("maria");
  const json wanted = {{"email", "maria@example.com"}, {"description", "d"}, {"allow_api_key_auth", true}};
  ASSERT_EQ(status("PUT", "/user/profile", token, wanted), 200);
  EXPECT_EQ(call("GET", "/user/profile", nullptr, token).parsed(), wanted);
  EXPECT_EQ(status("PUT", "/user/profile", token, json::object()), 200);
  EXPECT_EQ(call("GET", "/user/profile", nullptr, token).parsed(), (json{{"allow_api_key_auth", false}}))
      << "what is left out is emptied";
  EXPECT_EQ(status("PUT", "/user/profile", token, {{"email", "nonsense"}}), 400);
  EXPECT_EQ(status("PUT", "/user/profile", token, {{"public_keys", {"ssh-ed25519 nonsense"}}}), 400);
  EXPECT_EQ(status("PUT", "/user/profile", token, {{"public_keys", {1}}}), 400);
  EXPECT_EQ(status("PUT", "/user/profile", token, {{"allow_api_key_auth", "x"}}), 400);
  const auto restrict_to = [&](const json& options) {
    json body = user("maria");
    body["email"] = "maria@example.com";
    body["filters"] = {{"web_client", options}};
    ASSERT_EQ(call("PUT", "/users/maria", body).status, 200);
  };
  restrict_to({"info-change-disabled", "publickey-change-disabled", "mfa-disabled", "password-change-disabled"});
  const std::string again = log_in_user("maria", "a user's password");
  EXPECT_EQ(status("PUT", "/user/profile", again, {{"email", "x@example.com"}, {"allow_api_key_auth", true}}), 200);
  const json profile = call("GET", "/user/profile", nullptr, again).parsed();
  EXPECT_EQ(profile["email"], "maria@example.com");
  EXPECT_EQ(profile["allow_api_key_auth"], true);
  EXPECT_EQ(status("POST", "/user/totp/save", again, totp()), 403);
  EXPECT_EQ(status("GET", "/user/2fa/recoverycodes", again), 403);
  EXPECT_EQ(status("PUT", "/user/changepwd", again, {{"current_password", "x"}, {"new_password", "y"}}), 403);
  restrict_to({"info-change-disabled", "publickey-change-disabled", "api-key-auth-change-disabled"});
  EXPECT_EQ(status("PUT", "/user/profile", log_in_user("maria", "a user's password"), wanted), 403);
}

TEST_F(RestSecondFactor, a_users_password) {
  const std::string token = new_user("maria"), other = log_in_user("maria", "a user's password");
  json body = {{"current_password", "wrong"}, {"new_password", "quite another one"}};
  EXPECT_EQ(status("PUT", "/user/changepwd", token, body), 400);
  body["current_password"] = "a user's password";
  EXPECT_EQ(status("PUT", "/user/changepwd", token, body), 200);
  EXPECT_EQ(status("GET", "/user/profile", other), 401);  // it ended with the old password
  EXPECT_TRUE(log_in_user("maria", "a user's password").empty());
  EXPECT_FALSE(log_in_user("maria", "quite another one").empty());
  // Who must change it can do nothing else, and can do that.
  const std::string due =
      new_user("due", {{"require_password_change", true}, {"web_client", {"password-change-disabled"}}});
  EXPECT_EQ(status("PUT", "/user/profile", due, json::object()), 403);
  EXPECT_EQ(status("PUT", "/user/changepwd", due, body), 200);
  EXPECT_EQ(status("GET", "/user/profile", log_in_user("due", "quite another one")), 200);
  // Disabled, or without HTTP: the token ends.
  for (const json& patch : {json{{"status", 0}}, json{{"filters", {{"denied_protocols", {"HTTP"}}}}}}) {
    json changed = user("maria");
    changed["password"] = "a user's password";
    ASSERT_EQ(call("PUT", "/users/maria", changed).status, 200);
    const std::string mine = log_in_user("maria", "a user's password");
    ASSERT_EQ(status("GET", "/user/profile", mine), 200);
    changed.erase("password");
    changed.update(patch);
    ASSERT_EQ(call("PUT", "/users/maria", changed).status, 200);
    EXPECT_EQ(status("GET", "/user/profile", mine), 401);
    EXPECT_TRUE(log_in_user("maria", "a user's password").empty());
  }
}

}  // namespace
}  // namespace ferry::test
