#include "vfs/gcs/answers.h"

#include <gtest/gtest.h>

#include "crypto/crc32c.h"
#include "vfs/gcs/service.h"

namespace ferry::vfs::gcs {
namespace {

constexpr const char* small_object =
    R"({"name":"a/b","size":"5","generation":"17","timeCreated":"2009-02-13T23:31:30.5Z","contentType":"text/plain",)"
    R"("crc32c":"mnG7TA==","metadata":{"mtime":"2001-09-09T01:46:40.25Z","sha256":"no digest"}})";

TEST(GcsAnswers, AnObject) {
  const auto info = parse_object(small_object);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->key, "a/b");
  EXPECT_EQ(info->size, 5U);
  EXPECT_EQ(info->version, "17");
  EXPECT_EQ(info->content_type, "text/plain");
  EXPECT_EQ(info->crc32c, 0x9a71bb4cU);
  EXPECT_EQ(info->sha256, "");
  EXPECT_EQ(info->modified, (FileTime{1'000'000'000, 250'000'000}));
}

TEST(GcsAnswers, WhichTimeCounts) {
  const auto time = [](std::string_view metadata) {
    const auto info =
        parse_object(R"({"name":"a","size":"0","generation":"1","timeCreated":"2009-02-13T23:31:30Z","metadata":)" +
                     std::string(metadata) + "}");
    return info ? info->modified.seconds : -1;
  };
  EXPECT_EQ(time("{}"), 1'234'567'890);
  EXPECT_EQ(time("null"), 1'234'567'890);
  EXPECT_EQ(time(R"({"mtime":"yesterday"})"), 1'234'567'890);
  EXPECT_EQ(time(R"({"goog-reserved-file-mtime":"77"})"), 77);
  EXPECT_EQ(time(R"({"goog-reserved-file-mtime":"99999999999999999999"})"), 1'234'567'890);
  EXPECT_EQ(time(R"({"goog-reserved-file-mtime":"77","mtime":"1970-01-01T00:01:00Z"})"), 60);
}

TEST(GcsAnswers, WhatIsNoObject) {
  for (const char* text :
       {"", "[]", "{}", "null", R"({"name":"","size":"0","generation":"1","timeCreated":"2009-02-13T23:31:30Z"})",
        R"({"name":"a","size":0,"generation":"1","timeCreated":"2009-02-13T23:31:30Z"})",
        R"({"name":"a","size":"-1","generation":"1","timeCreated":"2009-02-13T23:31:30Z"})",
        R"({"name":"a","size":"1","generation":"x","timeCreated":"2009-02-13T23:31:30Z"})",
        R"({"name":"a","size":"1","generation":"1"})", "{\"name\":\"\xff\"}"}) {
    const auto info = parse_object(text);
    ASSERT_FALSE(info) << text;
    EXPECT_EQ(info.error().code, ErrorCode::protocol_error);
  }
}

TEST(GcsAnswers, AListing) {
  const auto page = parse_listing(R"({"items":[)" + std::string(small_object) +
                                  R"(],"prefixes":["p/","q/"],"nextPageToken":"more"})");
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->objects.size(), 1U);
  EXPECT_EQ(page->prefixes, (std::vector<std::string>{"p/", "q/"}));
  EXPECT_EQ(page->next, "more");
  const auto empty = parse_listing("{}");
  EXPECT_TRUE(empty && empty->objects.empty() && empty->prefixes.empty() && empty->next.empty());
  for (const char* text : {"", "[]", R"({"items":{}})", R"({"items":[{}]})", R"({"prefixes":[1]})"}) {
    EXPECT_FALSE(parse_listing(text)) << text;
  }
}

TEST(GcsAnswers, Rewrites) {
  const auto unfinished = parse_rewrite(R"({"done":false,"rewriteToken":"t"})");
  EXPECT_TRUE(unfinished && unfinished->token == "t");
  const auto done = parse_rewrite(R"({"done":true,"resource":)" + std::string(small_object) + "}");
  EXPECT_TRUE(done && done->token.empty() && done->object.version == "17");
  for (const char* text : {"", "{}", R"({"done":false})", R"({"done":true})", R"({"done":"true"})"}) {
    EXPECT_FALSE(parse_rewrite(text)) << text;
  }
}

TEST(GcsAnswers, WhatACopyKeeps) {
  const auto body = with_storage_class(
      R"({"name":"a","generation":"1","contentType":"text/plain","cacheControl":7,"metadata":{"k":"v","n":[[]]}})",
      "COLDLINE");
  ASSERT_TRUE(body);
  EXPECT_EQ(*body, R"({"contentType":"text/plain","metadata":{"k":"v"},"storageClass":"COLDLINE"})");
  EXPECT_FALSE(with_storage_class("[]", "COLDLINE"));
}

TEST(GcsAnswers, WhatAnUploadSays) {
  object::ObjectProperties properties;
  EXPECT_EQ(describe_object("a\"b", properties, "", std::nullopt), R"({"name":"a\"b"})");
  properties.modified = FileTime{1'234'567'890, 500'000'000};
  properties.content_type = "text/\xff";
  properties.sha256 = "5a";
  EXPECT_EQ(describe_object("", properties, "NEARLINE", 0x9a71bb4cU),
            "{\"contentType\":\"text/\xef\xbf\xbd\",\"crc32c\":\"mnG7TA==\",\"metadata\":{\"mtime\":"
            "\"2009-02-13T23:31:30.5Z\",\"sha256\":\"5a\"},\"storageClass\":\"NEARLINE\"}");
}

TEST(GcsAnswers, Checksums) {
  const std::string text = "hello";
  EXPECT_EQ(crc_text(crypto::crc32c(as_bytes(text))), "mnG7TA==");
  EXPECT_EQ(parse_crc("AAAAAQ=="), 1U);
  for (const char* wrong : {"", "AAAA", "mnG7TA", "!!!!"}) EXPECT_EQ(parse_crc(wrong), std::nullopt) << wrong;
}

TEST(GcsAnswers, HowMuchIsStored) {
  EXPECT_EQ(stored_bytes(""), 0U);
  EXPECT_EQ(stored_bytes("bytes=0-0"), 1U);
  EXPECT_EQ(stored_bytes("bytes=0-524287"), 524'288U);
  for (const char* wrong : {"bytes=1-5", "bytes=0-", "bytes=0--1", "0-5", "bytes=0-18446744073709551615"}) {
    EXPECT_EQ(stored_bytes(wrong), std::nullopt) << wrong;
  }
}

TEST(GcsAnswers, Errors) {
  const auto said = parse_error(
      R"({"error":{"code":429,"message":"Slow\u0001 down\nplease","errors":[{"reason":"rateLimitExceeded"}]}})");
  EXPECT_EQ(said.reason, "rateLimitExceeded");
  EXPECT_EQ(said.message, "Slow down");
  for (const char* text : {"", "Not Found", "[]", R"({"error":"text"})", R"({"error":{"errors":[7]}})"}) {
    EXPECT_EQ(parse_error(text).reason, "") << text;
  }
}

TEST(GcsService, Utf8) {
  for (const char* good :
       {"", "a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "\xee\x80\x80"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80", "\xff", "a\xe2\x82", "\xe2\x28\xa1"}) {
    EXPECT_FALSE(is_utf8(bad)) << bad;
  }
}

TEST(GcsService, OptionsThatCannotBeMeant) {
  const auto make = [](StoreOptions options) {
    return Service::make(std::move(options), nullptr, nullptr).has_value();
  };
  EXPECT_TRUE(make({.bucket = "my_files.example-1"}));
  for (const char* bucket : {"", "a/b", "..", "a?b", "a b"}) EXPECT_FALSE(make({.bucket = bucket})) << bucket;
  EXPECT_TRUE(make({.bucket = "b", .storage_class = "COLDLINE", .acl = "projectPrivate"}));
  EXPECT_FALSE(make({.bucket = "b", .storage_class = "a&b"}));
  EXPECT_FALSE(make({.bucket = "b", .acl = "a&b"}));
  EXPECT_TRUE(make({.bucket = "b", .emulator = "localhost:9000"}));
  EXPECT_FALSE(make({.bucket = "b", .emulator = "ftp://localhost:9000"}));
}

// An upload's content goes to the session that the service names, and so to nobody else.
TEST(GcsService, WhereSessionsMayBe) {
  const auto google = Service::make({.bucket = "b"}, nullptr, nullptr);
  ASSERT_TRUE(google);
  for (const char* ours :
       {"https://storage.googleapis.com/upload/x?upload_id=1", "https://www.googleapis.com/upload"}) {
    EXPECT_TRUE((*google)->is_ours(ours)) << ours;
  }
  for (const char* other : {"", "http://storage.googleapis.com/upload", "https://evil.example/upload",
                            "https://evil.example/.googleapis.com", "https://evil.example#.googleapis.com/",
                            "https://a@evil.example\\.googleapis.com/", "https://evilgoogleapis.com/",
                            "https://storage.googleapis.com:444/", "https://storage.googleapis.com.evil/"}) {
    EXPECT_FALSE((*google)->is_ours(other)) << other;
  }
  const auto emulator = Service::make({.bucket = "b", .emulator = "127.0.0.1:9"}, nullptr, nullptr);
  ASSERT_TRUE(emulator);
  EXPECT_TRUE((*emulator)->is_ours("http://127.0.0.1:9/upload"));
  EXPECT_FALSE((*emulator)->is_ours("http://127.0.0.1:99/upload"));
  EXPECT_FALSE((*emulator)->is_ours("https://storage.googleapis.com/upload"));
}

}  // namespace
}  // namespace ferry::vfs::gcs
