// S3Store against a service that answers what the test says.
#include <gtest/gtest.h>

#include "tests/support/run.h"
#include "tests/unit/vfs/s3/scripted_service.h"
#include "vfs/object/upload.h"
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

// A part that was on its way may be stored after the upload was aborted.
TEST_F(S3Service, AnAbortIsDoneWhenNoPartIsLeft) {
  const std::string part =
      "<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>\"e\"</ETag><Size>5</Size></Part>"
      "</ListPartsResult>";
  const std::string gone = ScriptedService::answer("204 No Content", "", "");
  ScriptedService service({gone, ScriptedService::answer("200 OK", "", part), gone,
                           ScriptedService::error("404 Not Found", "NoSuchUpload")});
  const auto store = open(service);
  const auto early = run(store->abort({"key", "id"}));
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, ErrorCode::io_error) << "which is tried again";
  EXPECT_TRUE(run(store->abort({"key", "id"})));
  ASSERT_EQ(service.requests().size(), 4U);
  EXPECT_TRUE(service.requests()[3].starts_with("GET /b/key?uploadId=id "));
  ScriptedService silent({gone, ScriptedService::error("403 Forbidden", "AccessDenied")});
  EXPECT_TRUE(run(open(silent)->abort({"key", "id"}))) << "without the right to list parts";
}

TEST_F(S3Service, WhatMayNotBeRemovedIsNoPassingFailure) {
  const auto code_of_removal = [this](const std::string& codes) {
    ScriptedService service({ScriptedService::answer("200 OK", "", "<DeleteResult>" + codes + "</DeleteResult>")});
    const auto removed = run(open(service)->remove_many({"a", "b"}));
    return removed ? std::string("done") : std::string(to_string(removed.error().code));
  };
  const auto error = [](const std::string& code) { return "<Error><Key>a</Key><Code>" + code + "</Code></Error>"; };
  EXPECT_EQ(code_of_removal(""), "done");
  EXPECT_EQ(code_of_removal(error("NoSuchKey")), "done");
  EXPECT_EQ(code_of_removal(error("InternalError")), "i/o error");
  EXPECT_EQ(code_of_removal(error("InternalError") + error("AccessDenied")), "permission denied");
  EXPECT_EQ(code_of_removal(error("SlowDown")), to_string(ErrorCode::limit_exceeded));
}

TEST_F(S3Service, ACopyThatSetsATimeKeepsWhatElseIsStored) {
  ScriptedService service(
      {ScriptedService::answer("200 OK",
                               "ETag: \"v1\"\r\nContent-Type: text/html\r\nCache-Control: max-age=60\r\n"
                               "x-amz-meta-owner: someone\r\nx-amz-meta-mtime: 1\r\nx-amz-request-id: no\r\n",
                               ""),
       ScriptedService::answer("200 OK", "", "<CopyObjectResult><ETag>\"v2\"</ETag></CopyObjectResult>")});
  object::ObjectProperties properties;
  properties.modified = FileTime{.seconds = 77};
  ASSERT_TRUE(run(open(service)->copy("key", "key", properties, "", {})));
  const std::string request = service.requests().at(1);
  for (const char* kept : {"Content-Type: text/html\r\n", "cache-control: max-age=60\r\n",
                           "x-amz-meta-owner: someone\r\n", "x-amz-meta-mtime: 77\r\n",
                           "x-amz-metadata-directive: REPLACE\r\n", "x-amz-copy-source-if-match: \"v1\"\r\n"}) {
    EXPECT_TRUE(request.contains(kept)) << kept << request;
  }
  EXPECT_FALSE(request.contains("x-amz-meta-mtime: 1\r\n"));
  EXPECT_FALSE(request.contains("x-amz-request-id"));
}

TEST_F(S3Service, AnAnswerInTheSecondFormNeedsAToken) {
  const std::string cut =
      "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>k</Key><Size>1</Size>"
      "<LastModified>2026-01-01T00:00:00Z</LastModified></Contents>";
  const auto first = parse_listing(cut + "</ListBucketResult>");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->next, "1:k");
  EXPECT_FALSE(parse_listing(cut + "<KeyCount>1</KeyCount></ListBucketResult>"));
}

TEST(S3Traits, CloudflareWantsPartsOfOneSize) {
  const auto sizes = [](const char* host) {
    StoreOptions options;
    options.endpoint.bucket = "b";
    options.endpoint.endpoint = host;
    const auto store = S3Store::make(std::move(options), nullptr, nullptr);
    const object::Traits& traits = (*store)->traits();
    return std::pair{object::part_size(traits, 0, std::nullopt, 1), object::part_size(traits, 0, std::nullopt, 10'000)};
  };
  constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
  EXPECT_EQ(sizes("https://account.r2.cloudflarestorage.com"), (std::pair{16 * mebibyte, 16 * mebibyte}));
  EXPECT_EQ(sizes("https://account.eu.r2.cloudflarestorage.com"), (std::pair{16 * mebibyte, 16 * mebibyte}));
  EXPECT_EQ(sizes("https://r2.cloudflarestorage.com.example"), (std::pair{5 * mebibyte, 128 * mebibyte}));
}

TEST(S3Traits, ACustomerKeyOnlyOverTlsOrOnThisMachine) {
  const auto make = [](const char* url) {
    StoreOptions options;
    options.endpoint.bucket = "b";
    options.endpoint.endpoint = url;
    options.sse_customer_key = crypto::Secret(std::string_view("0123456789abcdef0123456789abcdef"));
    return S3Store::make(std::move(options), nullptr, nullptr).has_value();
  };
  for (const char* url : {"http://minio.example", "http://127.evil.example", "http://localhost.evil.example"}) {
    EXPECT_FALSE(make(url)) << url;
  }
  for (const char* url : {"https://minio.example", "http://127.0.0.1:9000", "http://localhost", "http://[::1]:9000"}) {
    EXPECT_TRUE(make(url)) << url;
  }
}

}  // namespace
}  // namespace ferry::vfs::s3
