#include "vfs/gcs/credentials.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/run.h"
#include "tests/support/temp_directory.h"
#include "tests/unit/http/server_fixture.h"
#include "tests/unit/vfs/gcs/test_key.h"

namespace ferry::vfs::gcs {
namespace {

using nlohmann::json;
using test::run;

std::atomic<int> asked = 0, status = 200, lasts = 3600;
std::mutex last_mutex;
std::string last_request;

void note(const http::Request& request) {
  ++asked;
  const std::scoped_lock lock(last_mutex);
  last_request = request.target + " " + request.body + " " + std::string(request.headers.get("metadata-flavor")) +
                 std::string(request.headers.get("authorization"));
}

Task<http::Response> answer_token(http::Request& request) {
  note(request);
  co_return http::Response::json(status.load(), R"({"error":"invalid_grant","access_token":"token-)" +
                                                    std::to_string(asked.load()) + R"(","expires_in":)" +
                                                    std::to_string(lasts.load()) + "}");
}

Task<http::Response> answer_impersonation(http::Request& request) {
  note(request);
  co_return http::Response::json(200, R"({"accessToken":"impersonated","expireTime":"2900-01-01T00:00:00Z"})");
}

Task<http::Response> answer_subject(http::Request&) { co_return http::Response::json(200, R"({"value":"sub ject"})"); }

http::Router google() {
  http::Router router;
  router.add({.method = "POST", .pattern = "/token", .body_limit = 10'000, .handler = answer_token});
  router.add({.method = "POST", .pattern = "/impersonate", .body_limit = 10'000, .handler = answer_impersonation});
  router.add({.method = "GET", .pattern = "/subject", .handler = answer_subject});
  router.add({.method = "GET",
              .pattern = "/computeMetadata/v1/instance/service-accounts/default/token",
              .handler = answer_token});
  return router;
}

json service_account() {
  return {{"type", "service_account"},
          {"client_email", "ferry@project.iam.gserviceaccount.com"},
          {"private_key_id", "k1"},
          {"private_key", test_key},
          {"token_uri", "https://oauth2.googleapis.com/token"}};
}

TEST(GcsCredentials, AKnownAssertion) {
  const auto identity = parse_identity(service_account().dump(), Trust::account);
  ASSERT_TRUE(identity) << identity.error().message;
  const auto signed_text = signed_assertion(std::get<ServiceAccount>(*identity), 1'700'000'000);
  ASSERT_TRUE(signed_text) << signed_text.error().message;
  EXPECT_EQ(*signed_text, known_assertion);
}

TEST(GcsCredentials, FilesThatAreRefused) {
  const auto problem = [](const json& file, Trust trust = Trust::account) {
    const auto identity = parse_identity(file.dump(), trust);
    return identity ? std::string() : identity.error().message;
  };
  const auto changed = [](const char* field, const json& value) {
    json file = service_account();
    file[field] = value;
    return file;
  };
  EXPECT_EQ(problem(service_account()), "");
  EXPECT_NE(problem("text"), "");
  EXPECT_NE(problem(json::object()), "");
  EXPECT_NE(problem(changed("type", "other")), "");
  EXPECT_NE(problem(changed("client_email", 7)), "");
  EXPECT_NE(problem(changed("private_key", "no key")), "");
  EXPECT_TRUE(problem(changed("private_key", short_key)).contains("2048"));
  // A key's secrets are not shown in messages.
  EXPECT_FALSE(problem(changed("private_key", "hidden")).contains("hidden"));
  for (const char* url : {"https://evil.example/token", "http://oauth2.googleapis.com/token", "http://127.0.0.1/token",
                          "https://oauth2.googleapis.com.evil/", "https://oauth2.googleapis.com@evil.example/"}) {
    EXPECT_TRUE(problem(changed("token_uri", url)).contains("token_uri")) << url;
  }
  EXPECT_EQ(problem(changed("token_uri", "https://sts.example/token"), Trust::host), "");
  EXPECT_EQ(problem(changed("token_uri", "http://127.0.0.1:8/token"), Trust::host), "");
  for (const char* url : {"http://sts.example/token", "http://127.0.0.1@evil.example/",
                          "http://127.0.0.1.evil.example/", "https://a\\@evil.example/", "ftp://127.0.0.1/"}) {
    EXPECT_NE(problem(changed("token_uri", url), Trust::host), "") << url;
  }
  const json user = {{"type", "authorized_user"}, {"client_id", "c"}, {"client_secret", "s"}, {"refresh_token", "r"}};
  EXPECT_EQ(problem(user), "");
  json without = user;
  without.erase("refresh_token");
  EXPECT_NE(problem(without), "");
}

// It would make this server read a file of the account's choice, and send it to a host of its choice.
TEST(GcsCredentials, ExternalAccountsAreTheOperators) {
  json file = {{"type", "external_account"},
               {"audience", "a"},
               {"subject_token_type", "t"},
               {"token_url", "https://sts.googleapis.com/v1/token"},
               {"credential_source", {{"file", "/etc/shadow"}}}};
  EXPECT_FALSE(parse_identity(file.dump(), Trust::account));
  EXPECT_TRUE(parse_identity(file.dump(), Trust::host));
  file["token_url"] = "http://sts.googleapis.com/v1/token";
  EXPECT_FALSE(parse_identity(file.dump(), Trust::host));
  file["token_url"] = "https://sts.googleapis.com/v1/token";
  file["service_account_impersonation_url"] = "http://evil.example";
  EXPECT_FALSE(parse_identity(file.dump(), Trust::host));
  file.erase("service_account_impersonation_url");
  for (const json& source :
       {json("text"), json::object(), json{{"file", "f"}, {"url", "u"}}, json{{"executable", {{"command", "id"}}}},
        json{{"file", "f"}, {"format", {{"type", "json"}}}}}) {
    file["credential_source"] = source;
    EXPECT_FALSE(parse_identity(file.dump(), Trust::host)) << source;
  }
}

class GcsTokens : public testing::Test {
 protected:
  void SetUp() override {
    asked = 0;
    status = 200;
    lasts = 3600;
    settings_.metadata = url();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.port()); }
  std::shared_ptr<TokenSource> tokens_of_file(const json& file) {
    settings_.file = folder_ / "credentials.json";
    test::write_file(settings_.file, file.dump());
    return automatic_tokens(settings_, client_);
  }
  static std::string token(TokenSource& tokens) {
    const auto got = run(tokens.token());
    return got ? std::string(got->text()) : "error: " + std::string(to_string(got.error().code));
  }
  static std::string last() {
    const std::scoped_lock lock(last_mutex);
    return last_request;
  }

  const test::TempDirectory folder_;
  test::RunningServer server_{google(), {}};
  AutomaticSettings settings_;
  std::shared_ptr<http::Client> client_ = std::make_shared<http::Client>(http::ClientOptions{.retry_max = 0});
};

TEST_F(GcsTokens, AServiceAccountIsExchangedOnce) {
  json file = service_account();
  file["token_uri"] = url() + "/token";
  const auto tokens = tokens_of_file(file);
  EXPECT_EQ(token(*tokens), "token-1");
  EXPECT_EQ(token(*tokens), "token-1");
  EXPECT_EQ(asked, 1);
  EXPECT_TRUE(last().starts_with(
      "/token grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=eyJhbGciOiJSUzI1NiIs"))
      << last();
}

TEST_F(GcsTokens, ARefreshToken) {
  const auto tokens = tokens_of_file({{"type", "authorized_user"},
                                      {"client_id", "id"},
                                      {"client_secret", "s&s"},
                                      {"refresh_token", "r r"},
                                      {"token_uri", url() + "/token"}});
  EXPECT_EQ(token(*tokens), "token-1");
  EXPECT_TRUE(last().contains("grant_type=refresh_token&client_id=id&client_secret=s%26s&refresh_token=r%20r"))
      << last();
}

TEST_F(GcsTokens, WorkloadIdentity) {
  json file = {{"type", "external_account"},
               {"audience", "//iam/pool"},
               {"subject_token_type", "urn:ietf:params:oauth:token-type:jwt"},
               {"token_url", url() + "/token"},
               {"credential_source", {{"file", folder_ / "subject"}}}};
  EXPECT_EQ(token(*tokens_of_file(file)), "error: permission denied");
  EXPECT_EQ(asked, 0);
  test::write_file(folder_ / "subject", "from a file\n");
  EXPECT_EQ(token(*tokens_of_file(file)), "token-1");
  EXPECT_TRUE(last().contains("subject_token=from%20a%20file ")) << last();
  EXPECT_TRUE(last().contains("audience=%2F%2Fiam%2Fpool&scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fdevstorage."))
      << last();
  file["credential_source"] = {{"url", url() + "/subject"},
                               {"format", {{"type", "json"}, {"subject_token_field_name", "value"}}}};
  EXPECT_EQ(token(*tokens_of_file(file)), "token-2");
  EXPECT_TRUE(last().contains("subject_token=sub%20ject ")) << last();
  file["service_account_impersonation_url"] = url() + "/impersonate";
  EXPECT_EQ(token(*tokens_of_file(file)), "impersonated");
  EXPECT_TRUE(last().contains("\"lifetime\":\"3600s\"") && last().ends_with("Bearer token-3")) << last();
}

TEST_F(GcsTokens, TheMetadataServer) {
  settings_.gcloud_file = folder_ / "not-there";
  const auto machine = automatic_tokens(settings_, client_);
  EXPECT_EQ(token(*machine), "token-1");
  EXPECT_TRUE(last().ends_with(" Google")) << last();
  // Whoever names a file does not get another identity when it cannot be read.
  settings_.file = folder_ / "not-there";
  EXPECT_EQ(token(*automatic_tokens(settings_, client_)), "error: permission denied");
  EXPECT_EQ(asked, 1);
}

TEST_F(GcsTokens, AValidTokenOutlivesAFailedRenewal) {
  lasts = 100;  // less than what is kept in hand: fetched anew each time
  const auto tokens = automatic_tokens(settings_, client_);
  EXPECT_EQ(token(*tokens), "token-1");
  status = 500;
  EXPECT_EQ(token(*tokens), "token-1");
  EXPECT_EQ(asked, 2);
  status = 200;
  EXPECT_EQ(token(*tokens), "token-3");
}

TEST_F(GcsTokens, Refusals) {
  const auto tokens = automatic_tokens(settings_, client_);
  status = 400;
  const auto refused = run(tokens->token());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::permission_denied);
  EXPECT_TRUE(refused.error().message.contains("invalid_grant") && !refused.error().message.contains("token-"));
  status = 503;
  EXPECT_EQ(token(*tokens), "error: i/o error");
  status = 200;
  lasts = 0;
  EXPECT_EQ(token(*tokens), "error: protocol error");
}

TEST_F(GcsTokens, ManyAskAtOnceAndOneFetches) {
  const auto tokens = automatic_tokens(settings_, client_);
  asio::io_context& io = test::lasting_context();
  std::vector<std::future<Result<crypto::Secret>>> all;
  for (int i = 0; i < 20; ++i) all.push_back(asio::co_spawn(io, tokens->token(), asio::use_future));
  io.run();
  for (auto& one : all) EXPECT_EQ(one.get()->text(), "token-1");
  EXPECT_EQ(asked, 1);
}

}  // namespace
}  // namespace ferry::vfs::gcs
