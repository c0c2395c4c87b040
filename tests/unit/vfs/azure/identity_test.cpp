#include "vfs/azure/identity.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "tests/support/run.h"
#include "tests/support/temp_directory.h"
#include "tests/unit/http/server_fixture.h"
#include "vfs/azure/service.h"

namespace ferry::vfs::azure {
namespace {

using test::run;

std::atomic<int> asked = 0, status = 200, lasts = 3600;
std::mutex last_mutex;
std::string last_request;

Task<http::Response> answer_token(http::Request& request) {
  ++asked;
  {
    const std::scoped_lock lock(last_mutex);
    last_request = request.target + " " + request.body + " " + std::string(request.headers.get("metadata")) +
                   std::string(request.headers.get("x-identity-header"));
  }
  co_return http::Response::json(status.load(), R"({"access_token":"token-)" + std::to_string(asked.load()) +
                                                    R"(","expires_in":)" + std::to_string(lasts.load()) + "}");
}

http::Router identity_router() {
  http::Router router;
  router.add({.method = "POST", .pattern = "/tenant/oauth2/v2.0/token", .body_limit = 10'000, .handler = answer_token});
  router.add({.method = "GET", .pattern = "/metadata/identity/oauth2/token", .handler = answer_token});
  router.add({.method = "GET", .pattern = "/app", .handler = answer_token});
  return router;
}

class AzureIdentity : public testing::Test {
 protected:
  void SetUp() override {
    asked = 0;
    status = 200;
    lasts = 3600;
    settings_.authority = settings_.metadata = "http://127.0.0.1:" + std::to_string(server_.port());
  }
  std::string token(Identity& identity) {
    const auto got = run(identity.token());
    return got ? std::string(got->text()) : "error: " + std::string(to_string(got.error().code));
  }
  std::string last() {
    const std::scoped_lock lock(last_mutex);
    return last_request;
  }

  test::RunningServer server_{identity_router(), {}};
  IdentitySettings settings_;
  std::shared_ptr<http::Client> client_ = std::make_shared<http::Client>(http::ClientOptions{.retry_max = 0});
};

TEST_F(AzureIdentity, AClientSecretIsExchangedOnce) {
  settings_.tenant = "tenant";
  settings_.client = "client id";
  settings_.client_secret = crypto::Secret("se&cret");
  settings_.token_file = "/not/read";
  Identity identity(settings_, client_);
  EXPECT_EQ(token(identity), "token-1");
  EXPECT_EQ(token(identity), "token-1");
  EXPECT_EQ(asked, 1);
  EXPECT_TRUE(
      last().contains("grant_type=client_credentials&client_id=client%20id"
                      "&scope=https%3A%2F%2Fstorage.azure.com%2F.default&client_secret=se%26cret"))
      << last();
}

TEST_F(AzureIdentity, AFileWithATokenIsReadEachTime) {
  const test::TempDirectory folder;
  settings_.tenant = "tenant";
  settings_.client = "client";
  settings_.token_file = folder / "token";
  lasts = 100;  // less than what is kept in hand: fetched anew each time
  Identity identity(settings_, client_);
  EXPECT_EQ(token(identity), "error: permission denied");
  std::filesystem::create_directory(settings_.token_file);
  EXPECT_EQ(token(identity), "error: permission denied") << "a directory is no token";
  std::filesystem::remove(settings_.token_file);
  test::write_file(settings_.token_file, "first\n");
  EXPECT_EQ(token(identity), "token-1");
  EXPECT_TRUE(last().ends_with("client_assertion=first ")) << last();
  test::write_file(settings_.token_file, "second");
  EXPECT_EQ(token(identity), "token-2");
  EXPECT_TRUE(last().ends_with("client_assertion=second ")) << last();
}

TEST_F(AzureIdentity, ManagedIdentities) {
  Identity machine(settings_, client_);
  EXPECT_EQ(token(machine), "token-1");
  EXPECT_TRUE(last().contains("resource=https%3A%2F%2Fstorage.azure.com%2F") && last().ends_with("true")) << last();
  settings_.endpoint = settings_.metadata + "/app";
  settings_.endpoint_header = crypto::Secret("header");
  settings_.client = "mine";
  Identity service(settings_, client_);
  EXPECT_EQ(token(service), "token-2");
  EXPECT_TRUE(last().starts_with("/app?") && last().contains("client_id=mine") && last().ends_with("header")) << last();
}

TEST_F(AzureIdentity, AValidTokenOutlivesAFailedRenewal) {
  lasts = 100;
  Identity identity(settings_, client_);
  EXPECT_EQ(token(identity), "token-1");
  status = 500;
  EXPECT_EQ(token(identity), "token-1");
  EXPECT_EQ(asked, 2);
}

TEST_F(AzureIdentity, Refusals) {
  Identity identity(settings_, client_);
  status = 403;
  EXPECT_EQ(token(identity), "error: permission denied");
  status = 503;
  EXPECT_EQ(token(identity), "error: i/o error");
  status = 200;
  EXPECT_EQ(token(identity), "token-3");
}

TEST_F(AzureIdentity, ManyAskAtOnceAndOneFetches) {
  Identity identity(settings_, client_);
  asio::io_context& io = test::lasting_context();
  std::vector<std::future<Result<crypto::Secret>>> all;
  for (int i = 0; i < 20; ++i) all.push_back(asio::co_spawn(io, identity.token(), asio::use_future));
  io.run();
  for (auto& one : all) EXPECT_EQ(one.get()->text(), "token-1");
  EXPECT_EQ(asked, 1);
}

TEST(AzureService, OptionsThatCannotBeMeant) {
  const auto make = [](StoreOptions options) {
    return Service::make(std::move(options), nullptr, nullptr).has_value();
  };
  StoreOptions good;
  good.container = "files";
  good.account_name = "account";
  good.account_key = crypto::Secret("AAAA");
  EXPECT_TRUE(make(good));
  for (const char* endpoint : {"blob.core.example", "https://account.blob.example/", "http://127.0.0.1:1/account"}) {
    StoreOptions other = good;
    other.endpoint = endpoint;
    EXPECT_TRUE(make(other)) << endpoint;
  }
  for (const char* endpoint : {"https://", "https://x/other", "https://x/?a=b"}) {
    StoreOptions other = good;
    other.endpoint = endpoint;
    EXPECT_FALSE(make(other)) << endpoint;
  }
  for (const char* container : {"", "a/b", "..", "a?b"}) {
    StoreOptions other = good;
    other.container = container;
    EXPECT_FALSE(make(other)) << container;
  }
  // A token of the server's identity is shown to nobody but Azure.
  good.account_key = {};
  EXPECT_TRUE(make(good));
  for (const char* endpoint : {"https://account.blob.core.windows.net", "blob.core.usgovcloudapi.net"}) {
    StoreOptions other = good;
    other.endpoint = endpoint;
    EXPECT_TRUE(make(other)) << endpoint;
  }
  for (const char* endpoint :
       {"http://account.blob.core.windows.net", "https://evil.example", "evil.example", "https://127.0.0.1:10000",
        "https://evil.example:443#.blob.core.windows.net", "https://evil.example\\@a.blob.core.windows.net",
        "https://u@a.blob.core.windows.net", "https://evilblob.core.windows.net"}) {
    StoreOptions other = good;
    other.endpoint = endpoint;
    EXPECT_FALSE(make(other)) << endpoint;
  }
  good.use_emulator = true;
  EXPECT_FALSE(make(good));
  good.use_emulator = false;
  good.account_key = crypto::Secret("no base64!");
  EXPECT_FALSE(make(good));
}

TEST(AzureService, SasUrls) {
  const auto container_of = [](std::string_view url, std::string container, bool emulator) {
    StoreOptions options;
    options.container = std::move(container);
    options.sas_url = crypto::Secret(url);
    options.use_emulator = emulator;
    const auto made = Service::make(std::move(options), nullptr, nullptr);
    return made ? (*made)->container() + " " + std::string((*made)->copy_source("k").text()) : made.error().message;
  };
  EXPECT_EQ(container_of("https://a.blob.core.windows.net/files?sv=1&sig=x", "", false),
            "files https://a.blob.core.windows.net/files/k?sv=1&sig=x");
  EXPECT_EQ(container_of("https://a.blob.core.windows.net/?sv=1&sig=x", "files", false),
            "files https://a.blob.core.windows.net/files/k?sv=1&sig=x");
  EXPECT_EQ(container_of("http://127.0.0.1:1/account/files?sig=x", "files", true),
            "files http://127.0.0.1:1/account/files/k?sig=x");
  EXPECT_EQ(container_of("https://a.blob.core.windows.net/files?sig=x", "other", false),
            "azure: sas_url is of another container");
  EXPECT_EQ(container_of("https://a.blob.core.windows.net/files", "files", false), "azure: sas_url is not a SAS URL");
  EXPECT_EQ(container_of("ftp://a/files?sig=x", "files", false), "azure: sas_url is not a SAS URL");
}

}  // namespace
}  // namespace ferry::vfs::azure
