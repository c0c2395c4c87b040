// Who gets in: tokens, permissions of every route, forged and expired tokens.
#include <vector>

#include "crypto/cipher.h"
#include "protocols/rest/api.h"
#include "tests/unit/rest/rest_fixture.h"

namespace ferry::test {
namespace {

std::string base64url(std::string_view text) { return crypto::base64_encode(as_bytes(text), crypto::Base64::url); }

std::string signed_with(std::string_view header, std::string_view claims, std::string_view key) {
  const std::string text = base64url(header) + "." + base64url(claims);
  Bytes tag(32);
  crypto::Hmac(crypto::HashAlgorithm::sha256, as_bytes(key)).compute({as_bytes(text)}, tag);
  return text + "." + crypto::base64_encode(tag, crypto::Base64::url);
}

// The parts of "header.claims.signature"; the first two decoded.
struct Parts {
  std::string header, claims, signature;
};
Parts parts_of(const std::string& token) {
  const std::size_t first = token.find('.'), second = token.find('.', first + 1);
  const auto decode = [](std::string_view text) {
    const auto bytes = crypto::base64_decode(text, crypto::Base64::url);
    return bytes ? std::string(as_text(*bytes)) : std::string();
  };
  return {decode(std::string_view(token).substr(0, first)),
          decode(std::string_view(token).substr(first + 1, second - first - 1)), token.substr(second + 1)};
}

class RestAccess : public RestTest {
 protected:
  // A path for the row with names that do not exist.
  static std::string path_of(const rest::Row& row) {
    std::string path(row.path);
    for (std::size_t open = 0; (open = path.find('{')) != std::string::npos;) {
      path.replace(open, path.find('}') - open + 1, "nobody");
    }
    return path;
  }
  int status_with(const rest::Row& row, const std::string& fields) {
    return raw(row.method, path_of(row), fields, row.method == "GET" || row.method == "DELETE" ? "" : "{}").status;
  }
  static bool is_for_users(const rest::Row& row) {
    return row.access == rest::Access::user_own || row.access == rest::Access::user_token;
  }
  bool token_works(const std::string& token) { return call("GET", "/version", nullptr, token).status == 200; }
};

TEST_F(RestAccess, a_token_for_name_and_password) {
  const Answer answer = ask_token("root", root_password);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  EXPECT_EQ(answer.header("Content-Type"), "application/json; charset=utf-8");
  const std::string expires = answer.parsed()["expires_at"];
  EXPECT_TRUE(expires.size() == 20 && expires.ends_with("Z")) << expires;
  EXPECT_TRUE(token_works(answer.parsed()["access_token"]));
}

TEST_F(RestAccess, wrong_credentials_are_all_answered_alike) {
  const Answer wrong = ask_token("root", "wrong");
  EXPECT_EQ(wrong.status, 401);
  EXPECT_TRUE(wrong.header("WWW-Authenticate").starts_with("Basic "));
  EXPECT_EQ(ask_token("nobody", root_password).body, wrong.body);
  EXPECT_EQ(ask_token("", root_password).status, 401);
  EXPECT_EQ(ask_token("root", "").status, 401);
  EXPECT_EQ(ask_token("root", std::string(5000, 'x')).status, 401);
  for (const std::string_view fields :
       {"", "Authorization: Basic\r\n", "Authorization: Basic !!!\r\n", "Authorization: Basic cm9vdA==\r\n",
        "Authorization: Bearer abc\r\n", "Authorization: Basic Og==\r\nAuthorization: Basic Og==\r\n"}) {
    EXPECT_EQ(raw("GET", "/api/v2/token", fields).status, 401) << fields;
  }
}

TEST_F(RestAccess, every_row_but_the_open_ones_needs_a_token) {
  ASSERT_GT(rest::rows().size(), 20U);
  for (const rest::Row& row : rest::rows()) {
    if (row.access == rest::Access::open) continue;
    EXPECT_EQ(status_with(row, ""), 401) << row.method << row.path;
    EXPECT_EQ(status_with(row, "Authorization: Bearer \r\n"), 401) << row.method << row.path;
    EXPECT_EQ(status_with(row, "Authorization: Bearer a.b.c\r\n"), 401) << row.method << row.path;
    for (const std::string_view forged :
         {"X-Forwarded-User: root\r\nX-Forwarded-For: 127.0.0.1\r\nRemote-User: root\r\n",
          "X-Remote-User: root\r\nX-Auth-Request-User: root\r\nX-Authenticated-User: root\r\n",
          "Forwarded: for=127.0.0.1;by=root\r\nX-Real-IP: 127.0.0.1\r\nX-Original-URL: /healthz\r\n",
          "Proxy-Authorization: Bearer root\r\nX-SFTPGO-API-KEY: root\r\nCookie: jwt=root\r\n",
          "Authorization: Basic cm9vdDpyb290\r\n", "X-SFTPGO-OTP: 123456\r\nX-SFTPGO-USER: root\r\n"}) {
      EXPECT_EQ(status_with(row, std::string(forged)), 401) << row.method << row.path << forged;
    }
  }
}

TEST_F(RestAccess, the_rows_without_permission_open_with_any_token) {
  const std::string token = token_with({"view_events"});
  EXPECT_EQ(call("GET", "/version", nullptr, token).status, 200);
  EXPECT_EQ(call("GET", "/admin/profile", nullptr, token).status, 200);
  EXPECT_EQ(call("GET", "/logout", nullptr, token).status, 200);
}

TEST_F(RestAccess, forged_tokens) {
  const Parts good = parts_of(token_);
  ASSERT_TRUE(json::parse(good.claims).is_object());
  const std::string header = base64url(good.header), claims = base64url(good.claims);
  const std::vector<std::string> forged = {
      base64url(R"({"alg":"none","typ":"JWT"})") + "." + claims + ".",
      base64url(R"({"alg":"none","typ":"JWT"})") + "." + claims + "." + good.signature,
      base64url(R"({"alg":"None"})") + "." + claims + ".",
      base64url(R"({"alg":"HS512"})") + "." + claims + "." + good.signature,
      base64url(R"({"alg":"RS256"})") + "." + claims + "." + good.signature,
      header + "." + claims + ".",
      header + "." + claims,
      header + "." + claims + "." + good.signature + "A",
      header + "." + claims + "." + good.signature + ".x",
      " " + token_,
      token_ + "=",
      signed_with(good.header, good.claims, "another passphrase"),
      signed_with(good.header, good.claims, ""),
      signed_with(R"({"alg":"none"})", good.claims, "a signing passphrase"),
      std::string(10000, 'a'),
      "..",
  };
  for (const std::string& token : forged) EXPECT_FALSE(token_works(token)) << token;
  std::string flipped = token_;
  for (std::size_t i = 0; i < flipped.size(); i += 7) {
    const char was = std::exchange(flipped[i], flipped[i] == 'x' ? 'y' : 'x');
    EXPECT_FALSE(token_works(flipped)) << i;
    flipped[i] = was;
  }
  EXPECT_TRUE(token_works(token_));
}

TEST_F(RestAccess, tokens_of_another_address_or_past_their_time) {
  const auto root = provider_->admin("root");
  ASSERT_TRUE(root);
  EXPECT_TRUE(token_works(tokens_.issue(**root, "127.0.0.1").access_token));
  EXPECT_FALSE(token_works(tokens_.issue(**root, "192.0.2.1").access_token));
  auth::Tokens past(*provider_, {.signing_passphrase = crypto::Secret(std::string_view("a signing passphrase")),
                                 .lifetime = std::chrono::minutes(-1)});
  EXPECT_FALSE(token_works(past.issue(**root, "127.0.0.1").access_token));
  auth::Tokens foreign(*provider_, {.signing_passphrase = {}});
  EXPECT_FALSE(token_works(foreign.issue(**root, "127.0.0.1").access_token));
}

TEST_F(RestAccess, a_users_token_is_no_admins) {
  ASSERT_EQ(call("POST", "/users", user("root")).status, 201);
  const auto same_name = provider_->user("root");
  ASSERT_TRUE(same_name);
  EXPECT_FALSE(token_works(tokens_.issue(**same_name, "127.0.0.1").access_token));
}

TEST_F(RestAccess, no_row_takes_the_token_of_the_other_kind) {
  ASSERT_EQ(call("POST", "/users", user("root")).status, 201);
  const std::string token = log_in_user("root", "a user's password");
  ASSERT_FALSE(token.empty());
  for (const rest::Row& row : rest::rows()) {
    if (row.access == rest::Access::open || row.path == "/api/v2/user/logout") continue;
    const int status = status_with(row, "Authorization: Bearer " + token + "\r\n");
    if (is_for_users(row)) {
      const bool without_factor = status == 403 && row.path.ends_with("/recoverycodes");  // there is none to recover
      EXPECT_TRUE(status == 200 || status == 400 || without_factor) << row.method << row.path << status;
    } else {
      EXPECT_EQ(status, 401) << row.method << row.path;
    }
  }
  EXPECT_EQ(call("GET", "/user/logout", nullptr, token).status, 200);
  EXPECT_EQ(call("GET", "/user/profile", nullptr, token).status, 401);
}

// There is no route that makes a first administrator: nothing answers to one without a token.
TEST_F(RestAccess, nobody_becomes_an_administrator_unasked) {
  for (const std::string_view target :
       {"/web/admin/setup", "/web/admin/%73etup", "/web/admin/setup/", "//web/admin/setup", "/web/../web/admin/setup",
        "/api/v2/admin/setup", "/api/v2/setup", "/api/v2/admins", "/api/v2/admins/", "/api/v2/%61dmins",
        "/api/v2/admins%2f", "/api/v2/admins?x=1", "/api/v2/token/../admins", "/healthz/../api/v2/admins",
        "/api/v2/loaddata", "/api/v2/./admins", "/API/v2/admins"}) {
    for (const std::string_view method : {"POST", "PUT"}) {
      const int status = raw(method, target, "Content-Type: application/json\r\n", admin("mallory").dump()).status;
      EXPECT_TRUE(status == 400 || status == 401 || status == 404 || status == 405) << method << target << status;
    }
  }
  EXPECT_EQ(provider_->admins({})->size(), 1U);
}

TEST_F(RestAccess, logout_ends_the_token_alone) {
  const std::string other = log_in("root", root_password);
  EXPECT_EQ(call("GET", "/logout").status, 200);
  EXPECT_FALSE(token_works(token_));
  EXPECT_TRUE(token_works(other));
}

TEST_F(RestAccess, tokens_end_with_the_authority_of_their_admin) {
  const auto change = [&](const json& patch) {
    json body = admin("second", {"view_users"});
    EXPECT_EQ(call("POST", "/admins", body).status, 201);
    const std::string token = log_in("second", "an admin's password");
    EXPECT_TRUE(token_works(token));
    body.update(patch);
    body.erase("password");
    if (patch.contains("password")) body["password"] = patch["password"];
    EXPECT_EQ(call("PUT", "/admins/second", body).status, 200);
    const bool works = token_works(token);
    EXPECT_EQ(call("DELETE", "/admins/second").status, 200);
    EXPECT_FALSE(token_works(token));
    return works;
  };
  EXPECT_TRUE(change({{"description", "other words"}}));
  EXPECT_FALSE(change({{"status", 0}}));
  EXPECT_FALSE(change({{"password", "quite another one"}}));
  EXPECT_FALSE(change({{"filters", {{"allow_list", {"192.0.2.0/24"}}}}}));
}

TEST_F(RestAccess, who_must_change_the_password_can_do_nothing_else) {
  json body = admin("fresh");
  body["filters"] = {{"require_password_change", true}};
  ASSERT_EQ(call("POST", "/admins", body).status, 201);
  const std::string token = log_in("fresh", "an admin's password");
  ASSERT_FALSE(token.empty());
  EXPECT_EQ(call("GET", "/users", nullptr, token).status, 403);
  EXPECT_EQ(call("GET", "/version", nullptr, token).status, 403);
  EXPECT_EQ(call("PUT", "/admin/changepwd",
                 {{"current_password", "an admin's password"}, {"new_password", "a better password"}}, token)
                .status,
            200);
  const std::string after = log_in("fresh", "a better password");
  EXPECT_EQ(call("GET", "/users", nullptr, after).status, 200);
}

TEST_F(RestAccess, paths_in_disguise_pass_no_gate) {
  for (const std::string_view target :
       {"//api/v2/users", "/api/v2//users", "/api/v2/./users", "/api/v2/../v2/users", "/api/v2%2Fusers",
        "/healthz/../api/v2/users", "/api/v2/token/../users", "/API/v2/users", "/api/v2/users%00", "/api/v2/users;x=y",
        "/api/v2/users%20", "\\api\\v2\\users"}) {
    const int status = raw("GET", target, "Authorization: Bearer " + token_ + "\r\n").status;
    EXPECT_TRUE(status == 404 || status == 400) << target << status;
  }
  EXPECT_EQ(raw("GET", "/api/v2/%75sers", "").status, 401);
  EXPECT_EQ(raw("GET", "/api/v2/users/", "").status, 401) << "the same as without the slash";
  EXPECT_EQ(raw("DELETE", "/api/v2/events/dead-letters/", "").status, 404) << "one whose id is empty, not all";
  EXPECT_EQ(raw("HEAD", "/api/v2/users", "").status, 401);
  EXPECT_EQ(raw("PATCH", "/api/v2/users", "").status, 405);
  const Answer missing = raw("GET", "/api/v2/nothing", "");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.parsed()["message"], "Not Found");
}

}  // namespace
}  // namespace ferry::test
