// Where credentials come from, against services of AWS that answer what the test says.
#include "vfs/s3/credentials.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "tests/support/run.h"
#include "tests/support/temp_directory.h"
#include "tests/unit/vfs/s3/scripted_service.h"
#include "vfs/s3/endpoint.h"
#include "vfs/s3/providers.h"
#include "vfs/s3/sts.h"

namespace ferry::vfs::s3 {
namespace {

using namespace std::chrono_literals;
using test::run;

// What the services answer.
struct Script {
  std::atomic<int> status = 200, asked = 0, metadata_status = 200;
  std::atomic<std::int64_t> lasts = 3600;  // seconds
  std::mutex mutex;
  std::string body;  // instead of credentials

  void say(std::string text) {
    const std::scoped_lock lock(mutex);
    body = std::move(text);
  }
} script;

std::string rfc3339(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string with_status(int status, const std::string& body) {
  return test::ScriptedService::answer(std::to_string(status) + " x", "", body);
}

std::string services(const std::string& request) {
  const std::scoped_lock lock(script.mutex);
  if (request.starts_with("PUT ")) return with_status(script.metadata_status, "proof");
  if (request.contains("/security-credentials/ HTTP")) return with_status(script.metadata_status, "my-role\n");
  const std::string count = std::to_string(++script.asked), until = rfc3339(std::time(nullptr) + script.lasts);
  if (!script.body.empty()) return with_status(script.status, script.body);
  if (request.starts_with("POST ")) {
    return with_status(script.status, "<R><Credentials><AccessKeyId>STS" + count +
                                          "</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t" + count +
                                          "</SessionToken><Expiration>" + until + "</Expiration></Credentials></R>");
  }
  return with_status(script.status, R"({"Code":"Success","AccessKeyId":"KEY)" + count +
                                        R"(","SecretAccessKey":"s","Token":"t","Expiration":")" + until + "\"}");
}

class S3Credentials : public testing::Test {
 protected:
  void SetUp() override {
    script.status = script.metadata_status = 200;
    script.asked = 0;
    script.lasts = 3600;
    script.say("");
    environment_ = {{"AWS_ENDPOINT_URL_STS", url_}, {"AWS_EC2_METADATA_SERVICE_ENDPOINT", url_}};
  }
  CredentialSources sources(CredentialTimes times = {0ms, 0ms, 5s}) { return {environment_, client_, times}; }
  // The access key, or how it failed.
  static std::string key(CredentialSource& source) {
    const auto got = run(source.credentials());
    return got ? got->access_key : std::string(to_string(got.error().code)) + ": " + got.error().message;
  }
  std::string own() { return key(*sources().of({})); }
  void write(const std::string& name, const std::string& text) { test::write_file(folder_ / name, text); }
  void use_profiles(const std::string& config, const std::string& secrets, const std::string& profile) {
    write("config", config);
    write("credentials", secrets);
    environment_["AWS_CONFIG_FILE"] = folder_ / "config";
    environment_["AWS_SHARED_CREDENTIALS_FILE"] = folder_ / "credentials";
    environment_["AWS_PROFILE"] = profile;
  }
  // The first line, and the whole of one that was asked.
  std::string whole(std::size_t index) const {
    const auto all = service_.requests();
    return index < all.size() ? all[index] : std::string();
  }
  std::string request(std::size_t index) const { return whole(index).substr(0, whole(index).find(" HTTP/1.1")); }

  test::ScriptedService service_{services};
  const std::string url_ = service_.url();
  const test::TempDirectory folder_;
  Environment environment_;
  std::shared_ptr<http::Client> client_ = std::make_shared<http::Client>(http::ClientOptions{.retry_max = 0});
};

TEST_F(S3Credentials, ConfigurationBeforeEnvironmentBeforeAllOthers) {
  environment_["AWS_ACCESS_KEY_ID"] = "ENV";
  environment_["AWS_SECRET_ACCESS_KEY"] = "s";
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url_ + "/container";
  EXPECT_EQ(own(), "ENV");
  CredentialOptions options;
  options.access_key = "MINE";
  EXPECT_TRUE(key(*sources().of(options)).starts_with("permission denied"));
  options.access_secret = crypto::Secret(std::string_view("s"));
  EXPECT_EQ(key(*sources().of(options)), "MINE");
  EXPECT_EQ(script.asked, 0);
}

TEST_F(S3Credentials, WebIdentityReadsItsTokenEachTime) {
  environment_["AWS_WEB_IDENTITY_TOKEN_FILE"] = folder_ / "token";
  environment_["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/r";
  environment_["AWS_ROLE_SESSION_NAME"] = "me";
  EXPECT_TRUE(own().starts_with("permission denied"));
  write("token", "first\n");
  EXPECT_EQ(own(), "STS1");
  EXPECT_TRUE(whole(0).ends_with(
      "\r\n\r\nAction=AssumeRoleWithWebIdentity&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=me&"
      "Version=2011-06-15&WebIdentityToken=first"))
      << whole(0);
  EXPECT_FALSE(whole(0).contains("authorization:")) << "nothing signs it";
  write("token", "second");
  EXPECT_EQ(own(), "STS2");
  EXPECT_TRUE(whole(1).contains("WebIdentityToken=second"));
}

TEST_F(S3Credentials, AProfileTakesARoleWithAnother) {
  use_profiles(
      "[profile work]\nrole_arn = arn:aws:iam::1:role/w\nsource_profile = base\nexternal_id = x y\n"
      "duration_seconds = 900\nregion = eu-west-3\n",
      "[base]\naws_access_key_id = BASE\naws_secret_access_key = s\naws_session_token = tok\n", "work");
  EXPECT_EQ(own(), "STS1");
  EXPECT_TRUE(whole(0).contains("Action=AssumeRole&DurationSeconds=900&ExternalId=x%20y&RoleArn=")) << whole(0);
  EXPECT_TRUE(whole(0).contains("Credential=BASE/")) << whole(0);
  EXPECT_TRUE(whole(0).contains("/eu-west-3/sts/aws4_request")) << whole(0);
  EXPECT_TRUE(whole(0).contains("x-amz-security-token: tok")) << whole(0);
}

TEST_F(S3Credentials, ProfilesThatNameEachOtherEnd) {
  use_profiles("[profile a]\nrole_arn = r\nsource_profile = b\n[profile b]\nrole_arn = r\nsource_profile = a\n", "",
               "a");
  EXPECT_TRUE(own().starts_with("permission denied: S3 credentials: profiles name each other"));
  environment_["AWS_PROFILE"] = "absent";
  EXPECT_TRUE(own().starts_with("permission denied: S3 credentials: AWS_PROFILE names"));
}

TEST_F(S3Credentials, AProgramPrintsThem) {
  const auto with = [this](const std::string& line) {
    use_profiles("[profile p]\ncredential_process = " + line + "\n", "", "p");
    return key(*sources({0ms, 0ms, 300ms}).of({}));
  };
  write("good", R"({"Version":1,"AccessKeyId":"PROC","SecretAccessKey":"s","SessionToken":"t"})");
  EXPECT_EQ(with("/bin/cat \"" + (folder_ / "good") + "\""), "PROC");
  write("bad", R"({"Version":1})");
  EXPECT_TRUE(with("/bin/cat " + (folder_ / "bad")).starts_with("permission denied"));
  EXPECT_TRUE(with("/bin/false").contains("ended with status 1"));
  EXPECT_TRUE(with("/not/there").contains("does not start"));
  EXPECT_TRUE(with("/bin/cat /dev/zero").contains("prints too much"));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(with("/bin/sleep 60"), "i/o error: S3 credentials: credential_process does not end");
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

TEST_F(S3Credentials, AContainerGetsItsTokenFromAFile) {
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url_ + "/container";
  environment_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = folder_ / "token";
  EXPECT_TRUE(own().starts_with("permission denied"));
  write("token", "Bearer abc\n");
  EXPECT_EQ(own(), "KEY1");
  EXPECT_TRUE(whole(0).contains("authorization: Bearer abc\r\n")) << whole(0);
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://192.0.2.1/container";
  EXPECT_TRUE(own().starts_with("permission denied"));
}

TEST(S3ContainerUrls, OnlyHttpsOrThisMachine) {
  for (const char* url : {"https://anything.example/x", "http://127.0.0.1:8080/x", "http://127.9.9.9/",
                          "http://[::1]/x", "http://localhost/x", "http://169.254.170.2/x",
                          "http://169.254.170.23/v1/credentials", "http://[fd00:ec2::23]/x"}) {
    EXPECT_TRUE(is_container_url(url)) << url;
  }
  for (const char* url :
       {"http://evil.example/", "http://127.evil.example/", "http://localhost.evil.example/", "http://127.0.0.1@evil/",
        "http://169.254.170.2.evil/", "http://169.254.170.20/", "http://169.254.169.254/", "ftp://127.0.0.1/", ""}) {
    EXPECT_FALSE(is_container_url(url)) << url;
  }
}

TEST_F(S3Credentials, AMachineIsAskedWithAToken) {
  EXPECT_EQ(own(), "KEY1");
  EXPECT_TRUE(request(0).starts_with("PUT /latest/api/token"));
  EXPECT_TRUE(whole(1).contains("x-aws-ec2-metadata-token: proof\r\n"));
  EXPECT_TRUE(request(2).starts_with("GET /latest/meta-data/iam/security-credentials/my-role"));
  script.say(R"({"Code":"AssumeRoleUnauthorizedAccess"})");
  EXPECT_TRUE(own().starts_with("permission denied"));
  script.metadata_status = 404;  // something else listens there
  EXPECT_TRUE(own().starts_with("permission denied: S3 credentials: none in"));
  environment_["AWS_EC2_METADATA_DISABLED"] = "true";
  script.metadata_status = 200;
  EXPECT_TRUE(own().starts_with("permission denied: S3 credentials: none in"));
}

TEST_F(S3Credentials, TheyAreFetchedAgainBeforeTheyEnd) {
  script.lasts = 4;  // half of it is kept in hand
  CredentialSources all = sources();
  const auto source = all.of({});
  EXPECT_EQ(key(*source), "KEY1");
  EXPECT_EQ(key(*source), "KEY1");
  std::this_thread::sleep_for(2500ms);
  script.status = 500;
  EXPECT_EQ(key(*source), "KEY1") << "what is valid outlives a renewal that fails";
  script.status = 200;
  EXPECT_EQ(key(*source), "KEY3");
}

// The client is told to come again, and the service is asked again.
TEST_F(S3Credentials, APassingFailureIsNoRefusal) {
  CredentialSources all = sources({200ms, 1h, 5s});
  const auto source = all.of({});
  for (const int status : {500, 503, 429}) {
    script.status = status;
    EXPECT_TRUE(key(*source).starts_with("i/o error")) << status;
    const int asked = script.asked;
    EXPECT_TRUE(key(*source).starts_with("i/o error")) << status;
    EXPECT_EQ(script.asked, asked) << "not at once";
    std::this_thread::sleep_for(250ms);
  }
  script.metadata_status = 503;
  EXPECT_TRUE(key(*source).starts_with("i/o error"));
  script.status = script.metadata_status = 200;
  std::this_thread::sleep_for(250ms);
  EXPECT_EQ(key(*source), "KEY4");
  environment_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:1";  // refuses connections
  EXPECT_TRUE(own().starts_with("i/o error"));
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://127.0.0.1:1/";
  EXPECT_TRUE(own().starts_with("i/o error"));
  environment_["AWS_ENDPOINT_URL_STS"] = "http://127.0.0.1:1";
  environment_["AWS_ACCESS_KEY_ID"] = environment_["AWS_SECRET_ACCESS_KEY"] = "k";
  EXPECT_TRUE(key(*sources().of({.role_arn = "r"})).starts_with("i/o error"));
}

TEST_F(S3Credentials, StsFailures) {
  environment_["AWS_ACCESS_KEY_ID"] = environment_["AWS_SECRET_ACCESS_KEY"] = "k";
  const auto with = [this](int status, const std::string& code) {
    script.status = status;
    script.say("<ErrorResponse><Error><Code>" + code + "</Code><Message>why</Message></Error></ErrorResponse>");
    return key(*sources().of({.role_arn = "r"}));
  };
  EXPECT_EQ(with(403, "AccessDenied"), "permission denied: S3 credentials: STS answered 403 AccessDenied: why");
  EXPECT_TRUE(with(503, "ServiceUnavailable").starts_with("i/o error"));
  EXPECT_TRUE(with(400, "Throttling").starts_with("i/o error"));
  EXPECT_TRUE(with(400, "IDPCommunicationError").starts_with("i/o error"));
  script.say("no XML");
  script.status = 200;
  EXPECT_TRUE(key(*sources().of({.role_arn = "r"})).starts_with("protocol error"));
}

TEST_F(S3Credentials, AThousandAccountsAskOnce) {
  CredentialSources all = sources();
  asio::io_context& io = test::lasting_context();
  std::vector<std::future<Result<Credentials>>> answers;
  std::vector<std::shared_ptr<CredentialSource>> accounts;
  for (int i = 0; i < 1000; ++i) accounts.push_back(all.of({.region = "region-" + std::to_string(i)}));
  for (auto& one : accounts) answers.push_back(asio::co_spawn(io, one->credentials(), asio::use_future));
  io.run();
  for (auto& one : answers) {
    const auto got = one.get();
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->access_key, "KEY1");
  }
  EXPECT_EQ(script.asked, 1);
  // One for each role.
  CredentialOptions role{.role_arn = "r"}, other{.role_arn = "other"};
  const auto first = all.of(role), same = all.of(role), second = all.of(other);
  EXPECT_EQ(first, same);
  EXPECT_NE(first, second);
}

TEST_F(S3Credentials, WhoWaitsFailsAlike) {
  script.status = 503;
  CredentialSources all = sources({1s, 1h, 5s});
  const auto source = all.of({});
  asio::io_context& io = test::lasting_context();
  std::vector<std::future<Result<Credentials>>> answers;
  for (int i = 0; i < 50; ++i) answers.push_back(asio::co_spawn(io, source->credentials(), asio::use_future));
  io.run();
  for (auto& one : answers) {
    const auto got = one.get();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, ErrorCode::io_error);
    EXPECT_TRUE(got.error().message.contains("503")) << got.error().message;
  }
  EXPECT_EQ(script.asked, 1);
}

TEST_F(S3Credentials, WhatAServiceCallsExpiredIsFetchedAgain) {
  CredentialSources all = sources({0ms, 0ms, 5s});
  const auto source = all.of({});
  const auto held = run(source->credentials());
  ASSERT_TRUE(held);
  EXPECT_TRUE(source->expired(*held));
  EXPECT_EQ(key(*source), "KEY2");
  EXPECT_TRUE(source->expired(*held)) << "others are here already";
  EXPECT_EQ(key(*source), "KEY2");
  // Not again and again.
  CredentialSources careful = sources({0ms, 1h, 5s});
  const auto slow = careful.of({});
  const auto fresh = run(slow->credentials());
  ASSERT_TRUE(fresh);
  EXPECT_FALSE(slow->expired(*fresh));
}

TEST_F(S3Credentials, ARoleIsTakenWithFreshKeysWhereStsCallsTheirsExpired) {
  CredentialSources all = sources();
  const auto role = all.of({.role_arn = "r"});
  EXPECT_EQ(key(*all.of({})), "KEY1");
  EXPECT_EQ(key(*role), "STS2");
  const auto held = run(role->credentials());
  EXPECT_TRUE(role->expired(*held));
  script.status = 403;
  script.say("<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>");
  const std::size_t before = service_.requests().size();
  EXPECT_TRUE(key(*role).starts_with("permission denied"));
  // Refused, and the machine asked (three requests), whose answer the script spoils.
  EXPECT_EQ(service_.requests().size(), before + 4);
  EXPECT_TRUE(request(before).starts_with("POST /"));
  EXPECT_TRUE(request(before + 1).starts_with("PUT /latest/api/token"));
}

TEST_F(S3Credentials, AnStsWithAPath) {
  environment_["AWS_ENDPOINT_URL_STS"] = url_ + "/my/sts/";
  environment_["AWS_ACCESS_KEY_ID"] = environment_["AWS_SECRET_ACCESS_KEY"] = "k";
  EXPECT_EQ(key(*sources().of({.role_arn = "r"})), "STS1");
  EXPECT_TRUE(request(0).starts_with("POST /my/sts/"));
}

TEST(S3Sts, Places) {
  const auto place = [](std::string_view own, const std::string& region) {
    const auto found = sts_place(own, region);
    return found ? found->scheme + "|" + found->host + "|" + found->path : "no";
  };
  EXPECT_EQ(place("", "us-east-1"), "https|sts.us-east-1.amazonaws.com|/");
  EXPECT_EQ(place("", "us-gov-west-1"), "https|sts.us-gov-west-1.amazonaws.com|/");
  EXPECT_EQ(place("", "cn-north-1"), "https|sts.cn-north-1.amazonaws.com.cn|/");
  EXPECT_EQ(place("https://sts.example:443", ""), "https|sts.example|/");
  EXPECT_EQ(place("http://[::1]:80/a/b/", ""), "http|[::1]|/a/b/");
  for (const char* bad : {"sts.example", "ftp://sts.example", "https://", "https://u@sts.example", "https://h/?a=b"}) {
    EXPECT_EQ(place(bad, ""), "no") << bad;
  }
}

TEST(S3Endpoint, Partitions) {
  const auto host = [](const char* region) {
    EndpointOptions options;
    options.bucket = "b";
    options.region = region;
    const auto found = endpoint_of(options);
    return found ? found->host : "no";
  };
  EXPECT_EQ(host("cn-northwest-1"), "b.s3.cn-northwest-1.amazonaws.com.cn");
  EXPECT_EQ(host("us-gov-east-1"), "b.s3.us-gov-east-1.amazonaws.com");
  EXPECT_EQ(host(""), "b.s3.us-east-1.amazonaws.com");
}

}  // namespace
}  // namespace ferry::vfs::s3
