// The parts without a socket: percent-encoding, queries, headers, routes.
#include <gtest/gtest.h>

#include "http/request_check.h"
#include "http/router.h"

namespace ferry::http {
namespace {

TEST(PercentEncoding, round_trip_of_every_byte_but_nul) {
  std::string all;
  for (int i = 1; i < 256; ++i) all.push_back(static_cast<char>(i));
  const auto back = percent_decode(percent_encode(all));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, all);
  EXPECT_EQ(percent_encode("a b/ü~"), "a%20b%2F%C3%BC~");
  for (const std::string_view bad : {"%", "%1", "%g1", "%1g", "a%", "%00", "x%2500%00"}) {
    EXPECT_FALSE(percent_decode(bad)) << bad;
  }
}

TEST(Query, pairs) {
  const auto pairs = parse_query("a=1&b=x%26y+z&&c&=d&a=2");
  ASSERT_TRUE(pairs);
  const Parameters expected = {{"a", "1"}, {"b", "x&y z"}, {"c", ""}, {"", "d"}, {"a", "2"}};
  EXPECT_EQ(*pairs, expected);
  EXPECT_FALSE(parse_query("a=%1"));
  EXPECT_FALSE(parse_query("a&b&c", 2));
}

TEST(HeaderFields, names_compare_without_case) {
  Headers headers;
  headers.add("X-One", "1");
  headers.add("x-one", "2");
  EXPECT_EQ(headers.get("X-ONE"), "1");
  EXPECT_EQ(headers.count("x-One"), 2U);
  headers.set("X-one", "3");
  EXPECT_EQ(headers.count("X-One"), 1U);
  EXPECT_EQ(headers.get("missing"), "");
}

Task<Response> nothing(Request&) { co_return Response{}; }

TEST(Routes, literals_win_and_replacements_replace) {
  Router router;
  router.add({.method = "GET", .pattern = "/a/{x}", .body_limit = 1, .handler = nothing});
  router.add({.method = "GET", .pattern = "/{y}/b", .body_limit = 2, .handler = nothing});
  router.add({.method = "GET", .pattern = "/a/b", .body_limit = 3, .handler = nothing});
  EXPECT_EQ(router.match("GET", "/a/b").route->body_limit, 3U);
  EXPECT_EQ(router.match("GET", "/a/c").route->body_limit, 1U);
  EXPECT_EQ(router.match("GET", "/z/b").route->body_limit, 2U);
  EXPECT_EQ(router.match("HEAD", "/z/b").route->body_limit, 2U);
  router.add({.method = "GET", .pattern = "/a/b", .body_limit = 4, .handler = nothing});
  EXPECT_EQ(router.match("GET", "/a/b").route->body_limit, 4U);
  EXPECT_EQ(router.match("PUT", "/a/b").status, 405);
  EXPECT_EQ(router.match("GET", "/a").status, 404);
  EXPECT_EQ(router.match("GET", "*").status, 400);
  EXPECT_EQ(router.match("GET", "").status, 400);
}

TEST(Routes, error_pages_by_longest_prefix) {
  Router router;
  router.set_error_page("/", [](int, std::string_view) { return Response::text(1, "root"); });
  router.set_error_page("/api/", [](int status, std::string_view) { return Response::text(status, "api"); });
  EXPECT_EQ(router.error("/api/x", 404, "").body, "api");
  EXPECT_EQ(router.error("/x", 404, "").body, "root");
  EXPECT_EQ(router.error("x", 404, "").body, "Not Found\n");
}

TEST(Target, forms) {
  EXPECT_EQ(split_target("/a/b?c=d?e").path, "/a/b");
  EXPECT_EQ(split_target("/a/b?c=d?e").query, "c=d?e");
  EXPECT_EQ(split_target("HTTP://host:80/a").path, "/a");
  EXPECT_EQ(split_target("http://host").path, "");
  EXPECT_EQ(split_target("https://host?x").query, "x");
  EXPECT_EQ(split_target("*").path, "*");
}

}  // namespace
}  // namespace ferry::http
