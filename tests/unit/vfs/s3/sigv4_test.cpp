// The worked examples of AWS: "Examples: Signature Calculations in AWS Signature Version 4" and "Authenticating
// Requests: Using Query Parameters" in the S3 API reference.
#include "vfs/s3/sigv4.h"

#include <gtest/gtest.h>

namespace ferry::vfs::s3 {
namespace {

constexpr std::int64_t may_24th = 1369353600;  // 2013-05-24T00:00:00Z
const std::string empty_hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

Credentials example() {
  Credentials found;
  found.access_key = "AKIAIOSFODNN7EXAMPLE";
  found.secret = crypto::Secret(std::string_view("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"));
  return found;
}

std::string sign(RequestToSign request) {
  request.headers.emplace_back("host", "examplebucket.s3.amazonaws.com");
  request.headers.emplace_back("x-amz-content-sha256", request.payload_hash);
  request.headers.emplace_back("x-amz-date", "20130524T000000Z");
  const std::string text = authorization(request, {"us-east-1", "s3"}, example(), may_24th);
  return text.substr(text.find("Signature=") + 10);
}

TEST(SigV4, GetAnObject) {
  EXPECT_EQ(sign({"GET", "/test.txt", {}, {{"range", "bytes=0-9"}}, empty_hash}),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(SigV4, PutAnObject) {
  const Pairs headers{{"date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  EXPECT_EQ(sign({"PUT",
                  "/" + uri_encode("test$file.text", true),
                  {},
                  headers,
                  "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"}),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(SigV4, QueriesOfTheBucket) {
  EXPECT_EQ(sign({"GET", "/", {{"lifecycle", ""}}, {}, empty_hash}),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  EXPECT_EQ(sign({"GET", "/", {{"prefix", "J"}, {"max-keys", "2"}}, {}, empty_hash}),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(SigV4, APresignedUrl) {
  const RequestToSign request{"GET", "/test.txt", {}, {{"host", "examplebucket.s3.amazonaws.com"}}, "UNSIGNED-PAYLOAD"};
  const std::string query = presigned_query(request, {"us-east-1", "s3"}, example(), may_24th, 86400);
  EXPECT_TRUE(query.ends_with("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"))
      << query;
}

TEST(SigV4, Encodes) {
  EXPECT_EQ(uri_encode("a/b c+d=\xc3\xa9~", true), "a/b%20c%2Bd%3D%C3%A9~");
  EXPECT_EQ(uri_encode("a/b", false), "a%2Fb");
  EXPECT_EQ(canonical_query({{"b", "2 3"}, {"a", ""}, {"B", "/"}}), "B=%2F&a=&b=2%203");
  EXPECT_EQ(amz_date(may_24th), "20130524T000000Z");
}

}  // namespace
}  // namespace ferry::vfs::s3
