// S3Store against a service that answers what the test says.
#include <gtest/gtest.h>

#include "tests/support/run.h"
#include "tests/unit/vfs/s3/scripted_service.h"
#include "vfs/object/times.h"
#include "vfs/s3/s3_store.h"

namespace ferry::vfs::s3 {
namespace {

using test::run;
using test::ScriptedService;

// Temporary keys, which are others each time they were called expired.
class CountedKeys final : public CredentialSource {
 public:
  Task<Result<Credentials>> credentials() override {
    Credentials found;
    found.access_key = "key" + std::to_string(number);
    found.secret = crypto::Secret(std::string_view("secret"));
    found.session_token = "token" + std::to_string(number);
    co_return found;
  }
  bool expired(const Credentials& given) override {
    EXPECT_EQ(given.access_key, "key" + std::to_string(number));
    if (fixed) return false;
    ++number;
    return true;
  }
  int number = 1;
  bool fixed = false;
};

class S3Service : public testing::Test {
 protected:
  std::unique_ptr<S3Store> open(const ScriptedService& service) {
    StoreOptions options;
    options.endpoint.bucket = "b";
    options.endpoint.endpoint = service.url();
    options.endpoint.path_style = true;
    auto store = S3Store::make(std::move(options), client_, keys_);
    return store ? std::move(*store) : nullptr;
  }

  const std::shared_ptr<CountedKeys> keys_ = std::make_shared<CountedKeys>();
  const std::shared_ptr<http::Client> client_ = std::make_shared<http::Client>(http::ClientOptions{.retry_max = 0});
};

const std::string there = ScriptedService::answer("200 OK", "ETag: \"e\"\r\n", "");
const std::string in_2030 = "Date: Tue, 01 Jan 2030 00:00:00 GMT\r\n";

TEST_F(S3Service, CredentialsThatAreOverAreFetchedAgainOnce) {
  for (const char* code : {"ExpiredToken", "ExpiredTokenException"}) {
    const int before = keys_->number;
    ScriptedService service({ScriptedService::error("400 Bad Request", code), there});
    const auto store = open(service);
    EXPECT_TRUE(run(store->remove("key")));
    ASSERT_EQ(service.requests().size(), 2U);
    EXPECT_TRUE(service.requests()[1].contains("x-amz-security-token: token" + std::to_string(before + 1)));
  }
  ScriptedService stubborn({ScriptedService::error("400 Bad Request", "ExpiredToken")});
  const auto refused = run(open(stubborn)->remove("key"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::permission_denied);
  EXPECT_LE(stubborn.requests().size(), 3U);
  keys_->fixed = true;
  ScriptedService once({ScriptedService::error("400 Bad Request", "ExpiredToken")});
  EXPECT_FALSE(run(open(once)->remove("key")));
  EXPECT_EQ(once.requests().size(), 1U);
}

TEST_F(S3Service, AnAnswerToHeadDoesNotSayThatTheyAreOver) {
  ScriptedService service({ScriptedService::answer("400 Bad Request", "", ""), there});
  EXPECT_TRUE(run(open(service)->head("key")));
  EXPECT_EQ(keys_->number, 2);
}

TEST_F(S3Service, AWrongClockIsLearnedFromTheDate) {
  ScriptedService service({ScriptedService::error("403 Forbidden", "RequestTimeTooSkewed", in_2030), there});
  const auto store = open(service);
  EXPECT_TRUE(run(store->remove("key")));
  EXPECT_TRUE(run(store->remove("key")));
  ASSERT_EQ(service.requests().size(), 3U);
  EXPECT_TRUE(service.requests()[1].contains("x-amz-date: 20300101T0000")) << service.requests()[1];
  EXPECT_TRUE(service.requests()[2].contains("x-amz-date: 20300101T0000")) << service.requests()[2];
}

TEST_F(S3Service, AWrongClockIsLearnedFromAnAnswerWithoutBody) {
  ScriptedService service({ScriptedService::answer("403 Forbidden", in_2030, ""), there});
  EXPECT_TRUE(run(open(service)->head("key")));
  ASSERT_EQ(service.requests().size(), 2U);
  EXPECT_TRUE(service.requests()[1].contains("x-amz-date: 20300101T0000")) << service.requests()[1];
}

// A service whose Date is wrong, and that refuses for another reason.
TEST_F(S3Service, ARefusalWithAWrongDateLeavesTheClockAlone) {
  ScriptedService service({ScriptedService::answer("403 Forbidden", in_2030, "")});
  const auto store = open(service);
  const auto refused = run(store->head("key"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::permission_denied);
  EXPECT_EQ(service.requests().size(), 2U);
  EXPECT_FALSE(run(store->remove("key")));
  EXPECT_FALSE(service.requests()[2].contains("x-amz-date: 2030")) << service.requests()[2];
}

TEST_F(S3Service, ARefusalAtTheRightTimeIsNotAskedAgain) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char date[64];
  const std::size_t size = std::strftime(date, sizeof date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
  ScriptedService service({ScriptedService::answer("403 Forbidden", std::string(date, size), "")});
  EXPECT_FALSE(run(open(service)->head("key")));
  EXPECT_EQ(service.requests().size(), 1U);
}

}  // namespace
}  // namespace ferry::vfs::s3
