// Upload sessions against a server that does what Google documents: it may store less than it was sent, and its answers
// get lost.
#include <gtest/gtest.h>

#include <deque>
#include <nlohmann/json.hpp>

#include "crypto/crc32c.h"
#include "tests/support/run.h"
#include "tests/unit/http/server_fixture.h"
#include "vfs/gcs/answers.h"
#include "vfs/gcs/gcs_store.h"

namespace ferry::vfs::gcs {
namespace {

using test::run;

constexpr std::size_t quarter = std::size_t{256} << 10;

enum class Mood : std::uint8_t {
  good,
  lost,       // does it, but answers 503
  nothing,    // answers 503
  one,        // stores one quarter of a mebibyte and says so
  stands,     // stores nothing, and says so
  other_crc,  // completes with another checksum
  gone,       // 410
};

struct Google {
  std::mutex mutex;
  std::deque<Mood> moods;  // of the next PUTs; good when there are no more
  std::string content, hash, began, removed;
  std::vector<std::string> ranges;
  bool complete = false;
} google;

http::Response resource(std::uint32_t crc) {
  return http::Response::json(200, nlohmann::json({{"name", "k"},
                                                   {"size", std::to_string(google.content.size())},
                                                   {"generation", "7"},
                                                   {"timeCreated", "2009-02-13T23:31:30Z"},
                                                   {"crc32c", crc_text(crc)}})
                                       .dump());
}

http::Response stored() {
  http::Response response = http::Response::text(308, "");
  if (!google.content.empty()) {
    response.headers.add("Range", "bytes=0-" + std::to_string(google.content.size() - 1));
  }
  return response;
}

Task<http::Response> begin(http::Request& request) {
  const std::scoped_lock lock(google.mutex);
  google.began = request.target + " " + request.body;
  http::Response response = http::Response::text(200, "");
  response.headers.add("Location", "http://" + std::string(request.headers.get("host")) + "/session?upload_id=secret");
  co_return response;
}

http::Response continued(const http::Request& request) {
  const std::string range(request.headers.get("content-range"));
  google.ranges.push_back(range);
  Mood mood = Mood::good;
  if (!google.moods.empty()) {
    mood = google.moods.front();
    google.moods.pop_front();
  }
  if (mood == Mood::nothing) return http::Response::text(503, "");
  if (mood == Mood::gone) return http::Response::text(410, "");
  if (mood == Mood::stands) return stored();
  const std::string_view total = std::string_view(range).substr(range.find('/') + 1);
  std::string_view body = request.body;
  if (mood == Mood::one) body = body.substr(0, quarter);
  google.content += body;
  if (!google.complete && total != "*" && std::to_string(google.content.size()) == total) google.complete = true;
  google.hash = request.headers.get("x-goog-hash");
  if (mood == Mood::lost) return http::Response::text(503, "");
  const std::uint32_t crc = crypto::crc32c(as_bytes(google.content));
  return google.complete ? resource(mood == Mood::other_crc ? crc + 1 : crc) : stored();
}

Task<http::Response> go_on(http::Request& request) {
  const std::scoped_lock lock(google.mutex);
  co_return continued(request);
}

Task<http::Response> cancel(http::Request&) {
  const std::scoped_lock lock(google.mutex);
  google.removed = "session";
  co_return http::Response::text(499, "");
}

Task<http::Response> remove(http::Request& request) {
  const std::scoped_lock lock(google.mutex);
  google.removed = request.target;
  co_return http::Response::text(204, "");
}

http::Router router() {
  http::Router router;
  router.add({.method = "POST", .pattern = "/upload/storage/v1/b/b/o", .body_limit = 10'000, .handler = begin});
  router.add({.method = "PUT", .pattern = "/session", .body_limit = 8 << 20, .handler = go_on});
  router.add({.method = "DELETE", .pattern = "/session", .handler = cancel});
  router.add({.method = "DELETE", .pattern = "/storage/v1/b/b/o/k", .handler = remove});
  return router;
}

class GcsSession : public testing::Test {
 protected:
  void SetUp() override {
    {
      const std::scoped_lock lock(google.mutex);
      google.moods.clear();
      google.ranges.clear();
      google.content.clear();
      google.hash.clear();
      google.began.clear();
      google.removed.clear();
      google.complete = false;
    }
    StoreOptions options;
    options.bucket = "b";
    options.storage_class = "NEARLINE";
    options.acl = "private";
    options.emulator = "127.0.0.1:" + std::to_string(server_.port());
    store_ = *GcsStore::make(std::move(options), std::make_shared<http::Client>(http::ClientOptions{}), nullptr);
    auto upload = run(store_->begin_upload("k", {.modified = FileTime{60, 0}}, {.absent = true}));
    ASSERT_TRUE(upload) << upload.error().message;
    upload_ = *upload;
    for (char& c : text_) c = static_cast<char>('a' + (&c - text_.data()) / 1000 % 26);
  }
  Result<object::Part> part(std::size_t offset, std::size_t size) {
    object::Payload payload;
    payload.pieces = {as_bytes(text_).subspan(offset, size / 2),
                      as_bytes(text_).subspan(offset + size / 2, size - size / 2)};
    payload.size = size;
    auto result = run(store_->put_part(upload_, ++number_, offset, payload));
    if (result) parts_.push_back(*result);
    return result;
  }
  Result<object::ObjectInfo> complete() { return run(store_->complete(upload_, parts_, {}, {.absent = true})); }
  template <class T>
  static ErrorCode code_of(const Result<T>& result) {
    return result ? ErrorCode::internal : result.error().code;
  }

  test::RunningServer server_{router(), {}};
  std::unique_ptr<GcsStore> store_;
  object::Upload upload_;
  std::vector<object::Part> parts_;
  std::string text_ = std::string(5 * quarter, '?');
  std::uint32_t number_ = 0;
};

TEST_F(GcsSession, PartsOfAnySizeAreSentInMultiples) {
  ASSERT_TRUE(part(0, quarter + 100));
  ASSERT_TRUE(part(quarter + 100, quarter - 200));
  ASSERT_TRUE(part(2 * quarter - 100, 2 * quarter + 150));
  const auto done = complete();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(google.ranges,
            (std::vector<std::string>{"bytes 0-262143/*", "bytes 262144-1048575/*", "bytes 1048576-1048625/1048626"}));
  EXPECT_TRUE(google.content == text_.substr(0, 4 * quarter + 50));
  EXPECT_EQ(google.hash, "crc32c=" + crc_text(crypto::crc32c(as_bytes(google.content))));
  EXPECT_EQ(done->version, "7");
  EXPECT_TRUE(google.began.contains("uploadType=resumable&ifGenerationMatch=0&predefinedAcl=private ")) << google.began;
  EXPECT_TRUE(
      google.began.contains(R"("metadata":{"mtime":"1970-01-01T00:01:00Z"},"name":"k","storageClass":"NEARLINE")"))
      << google.began;
}

TEST_F(GcsSession, AFileThatEndsAtAMultipleIsCompletedWithoutBytes) {
  ASSERT_TRUE(part(0, 2 * quarter));
  ASSERT_TRUE(complete());
  EXPECT_EQ(google.ranges.back(), "bytes */524288");
}

TEST_F(GcsSession, WhatWasStoredIsNotSentAgain) {
  google.moods = {Mood::lost};
  EXPECT_EQ(code_of(part(0, 2 * quarter)), ErrorCode::limit_exceeded);
  ASSERT_TRUE(part(0, 2 * quarter));
  EXPECT_EQ(google.ranges, (std::vector<std::string>{"bytes 0-524287/*", "bytes */*"}));
  ASSERT_TRUE(complete());
  EXPECT_TRUE(google.content == text_.substr(0, 2 * quarter));
}

TEST_F(GcsSession, WhatWasNotStoredIsSentAgain) {
  google.moods = {Mood::nothing, Mood::nothing};
  EXPECT_FALSE(part(0, 2 * quarter));
  EXPECT_FALSE(part(0, 2 * quarter)) << "the question failed as well";
  ASSERT_TRUE(part(0, 2 * quarter));
  ASSERT_TRUE(complete());
  EXPECT_TRUE(google.content == text_.substr(0, 2 * quarter));
}

TEST_F(GcsSession, TheServiceMayTakeLessAtOnce) {
  google.moods = {Mood::one, Mood::one};
  ASSERT_TRUE(part(0, 4 * quarter));
  EXPECT_EQ(google.ranges,
            (std::vector<std::string>{"bytes 0-1048575/*", "bytes 262144-1048575/*", "bytes 524288-1048575/*"}));
  ASSERT_TRUE(complete());
  EXPECT_TRUE(google.content == text_.substr(0, 4 * quarter));
}

TEST_F(GcsSession, AServiceThatStandsStillIsAnError) {
  google.moods = {Mood::stands};
  EXPECT_EQ(code_of(part(0, quarter)), ErrorCode::io_error);
}

TEST_F(GcsSession, ALostAnswerToTheEndIsFound) {
  ASSERT_TRUE(part(0, quarter + 7));
  google.moods = {Mood::lost};
  EXPECT_FALSE(complete());
  const auto done = complete();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(google.ranges.back(), "bytes */262151");
  EXPECT_TRUE(google.content == text_.substr(0, quarter + 7));
}

TEST_F(GcsSession, OtherContentIsRemoved) {
  ASSERT_TRUE(part(0, quarter));
  google.moods = {Mood::other_crc};
  EXPECT_EQ(code_of(complete()), ErrorCode::protocol_error);
  EXPECT_TRUE(google.removed.ends_with("/o/k?ifGenerationMatch=7")) << google.removed;
}

TEST_F(GcsSession, AnEndedSessionEndsTheUpload) {
  google.moods = {Mood::gone};
  const auto ended = part(0, quarter);
  EXPECT_EQ(code_of(ended), ErrorCode::not_found);
  EXPECT_FALSE(ended.error().message.contains("secret")) << "the session's URL is a key to it";
  EXPECT_TRUE(run(store_->abort(upload_)));
  EXPECT_EQ(google.removed, "session");
  EXPECT_EQ(code_of(part(0, quarter)), ErrorCode::not_found);
}

TEST_F(GcsSession, PartsAreInOrderAndAllThere) {
  ASSERT_TRUE(part(0, quarter));
  EXPECT_EQ(code_of(part(2 * quarter, quarter)), ErrorCode::invalid_argument);
  parts_.clear();
  EXPECT_EQ(code_of(complete()), ErrorCode::invalid_argument);
  EXPECT_FALSE(google.complete);
}

TEST_F(GcsSession, HowMuchIsThere) {
  ASSERT_TRUE(part(0, quarter + 9));
  const auto there = run(store_->parts(upload_));
  ASSERT_TRUE(there);
  ASSERT_EQ(there->size(), 1U);
  EXPECT_EQ(there->front().size, quarter + 9);
}

}  // namespace
}  // namespace ferry::vfs::gcs
