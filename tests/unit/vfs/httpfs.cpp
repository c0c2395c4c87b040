// What HTTP storage reads from configuration and from answers: endpoints, descriptions of files, listings in pieces.
#include <gtest/gtest.h>

#include "vfs/httpfs/directory.h"

namespace ferry::vfs::httpfs {
namespace {

TEST(HttpStorage, Endpoints) {
  EXPECT_EQ(parse_endpoint("http://host:8080/api/v1/").value(), (Endpoint{"http://host:8080/api/v1", ""}));
  EXPECT_EQ(parse_endpoint("https://host").value(), (Endpoint{"https://host", ""}));
  EXPECT_EQ(parse_endpoint("http://unix?socket_path=%2Ftmp%2Ffs.sock&api_prefix=%2Fapi%2Fv1").value(),
            (Endpoint{"http://unix/api/v1", "/tmp/fs.sock"}));
  EXPECT_EQ(parse_endpoint("https://unix?socket_path=/tmp/a+b").value(), (Endpoint{"https://unix", "/tmp/a b"}));
  for (const char* wrong :
       {"", "ftp://host", "host", "http://", "http:///x", "http://u:p@host/", "http://host/?x=1", "http://host/#x",
        "http://unix", "http://unix/api", "http://unix?api_prefix=%2Fx", "http://unix?socket_path=relative",
        "http://unix?socket_path=%2", "http://unix?socket_path=%2Fa%00b", "http://ho st/", "http://host/\r\nX: y"}) {
    EXPECT_FALSE(parse_endpoint(wrong)) << wrong;
  }
  EXPECT_FALSE(parse_endpoint("http://unix?socket_path=%2F" + std::string(107, 's')));
}

TEST(HttpStorage, DescriptionsOfFiles) {
  const auto file = parse_entry(R"({"name":"a","size":5,"mode":420,"last_modified":"2001-09-09T01:46:40.5Z"})");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->name, "a");
  EXPECT_EQ(file->info.type, FileType::regular);
  EXPECT_EQ(file->info.mode, 0644U);
  EXPECT_EQ(file->info.size, 5U);
  EXPECT_EQ(file->info.modified, (FileTime{1'000'000'000, 500'000'000}));
  EXPECT_EQ(parse_entry(R"({"name":"d","mode":2147484141})")->info.posix_mode(), 040755U);
  EXPECT_EQ(parse_entry(R"({"name":"s","mode":8389101,"size":0})")->info.mode, 04755U);
  EXPECT_EQ(parse_entry(R"({"name":"l","mode":134218239})")->info.type, FileType::other) << "a link";
  for (const char* wrong :
       {"", "[]", "null", "{", R"({"name":"a","size":5})", R"({"size":5,"mode":"x"})", R"({"mode":420})",
        R"({"mode":420,"size":-1})", R"({"mode":420,"size":1.5})", R"({"mode":-1,"size":1})",
        R"({"mode":420,"size":9223372036854775808})", R"({"mode":420,"size":1,"last_modified":"yesterday"})"}) {
    EXPECT_EQ(parse_entry(wrong).error().code, ErrorCode::protocol_error) << wrong;
  }
}

// Whatever the pieces in which it comes.
TEST(HttpStorage, ListingsInPieces) {
  const std::string text = " [ {\"a\":\"}],{\\\"\"}, {\"b\":{\"c\":[1,2]}}\n,{}] ";
  const std::deque<std::string> expected = {"{\"a\":\"}],{\\\"\"}", "{\"b\":{\"c\":[1,2]}}", "{}"};
  for (std::size_t size = 1; size <= text.size(); ++size) {
    ArraySplitter splitter;
    std::deque<std::string> objects;
    for (std::size_t at = 0; at < text.size(); at += size) {
      ASSERT_TRUE(splitter.take(std::string_view(text).substr(at, size), objects));
    }
    EXPECT_EQ(objects, expected);
    EXPECT_TRUE(splitter.complete());
  }
}

TEST(HttpStorage, ListingsThatAreNone) {
  std::deque<std::string> objects;
  for (const char* whole : {"[]", "null", " [ ] "}) {
    ArraySplitter splitter;
    EXPECT_TRUE(splitter.take(whole, objects)) << whole;
    EXPECT_TRUE(splitter.complete()) << whole;
  }
  for (const char* part : {"", "[", "[{}", "[{}, {\"a\"", "nul", "nope"}) {
    ArraySplitter splitter;
    EXPECT_TRUE(splitter.take(part, objects)) << part;
    EXPECT_FALSE(splitter.complete()) << part;
  }
  for (const char* wrong : {"{}", "x", "[1]", "[\"a\"]", "[[]]", "[] {}", "nullx"}) {
    ArraySplitter splitter;
    EXPECT_FALSE(splitter.take(wrong, objects)) << wrong;
  }
  objects.clear();
  ArraySplitter endless;
  EXPECT_FALSE(endless.take("[{\"a\":\"" + std::string(ArraySplitter::longest_object, 'x'), objects));
}

}  // namespace
}  // namespace ferry::vfs::httpfs
