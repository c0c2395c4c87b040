#include "vfs/s3/answers.h"

#include <gtest/gtest.h>

#include "vfs/s3/endpoint.h"
#include "vfs/s3/profiles.h"

namespace ferry::vfs::s3 {
namespace {

TEST(S3Answers, Listings) {
  const auto page = parse_listing(
      "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
      "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
      "<NextContinuationToken>t+/=</NextContinuationToken>"
      "<Contents><Key>a%2Bb+c%0A</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>\"x\"</ETag>"
      "<Size>5497558138880</Size></Contents>"
      "<CommonPrefixes><Prefix>dir%20ectory/</Prefix></CommonPrefixes></ListBucketResult>");
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->objects.size(), 1U);
  EXPECT_EQ(page->objects[0].key, "a+b c\n");
  EXPECT_EQ(page->objects[0].size, 5497558138880U);
  EXPECT_EQ(page->objects[0].modified, (FileTime{1767323045, 678'000'000}));
  EXPECT_EQ(page->prefixes, std::vector<std::string>{"dir ectory/"});
  EXPECT_EQ(page->next, "2:t+/=");
}

// A service that knows the first form of listings alone: the last name is the marker of the next page.
TEST(S3Answers, ListingsOfTheFirstForm) {
  const std::string entry =
      "<Contents><Key>k</Key><LastModified>2026-01-02T03:04:05Z</LastModified><Size>1</Size></Contents>";
  const auto named = parse_listing("<ListBucketResult><IsTruncated>true</IsTruncated><NextMarker>m</NextMarker>" +
                                   entry + "</ListBucketResult>");
  ASSERT_TRUE(named);
  EXPECT_EQ(named->next, "1:m");
  const auto unnamed =
      parse_listing("<ListBucketResult><IsTruncated>true</IsTruncated>" + entry + "</ListBucketResult>");
  ASSERT_TRUE(unnamed);
  EXPECT_EQ(unnamed->next, "1:k");
  const auto last = parse_listing("<ListBucketResult>" + entry + "</ListBucketResult>");
  ASSERT_TRUE(last);
  EXPECT_EQ(last->next, "");
}

TEST(S3Answers, WhatIsNoListing) {
  for (const char* text :
       {"", "no xml", "<Error><Code>X</Code></Error>",
        "<ListBucketResult><Contents><Key>k</Key></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Key>k</Key><LastModified>yesterday</LastModified><Size>1</Size></Contents></"
        "ListBucketResult>",
        "<ListBucketResult><Contents><Key>k</Key><LastModified>2026-01-02T03:04:05Z</LastModified><Size>-1</Size></"
        "Contents></ListBucketResult>",
        "<ListBucketResult><CommonPrefixes><Prefix>no slash</Prefix></CommonPrefixes></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"}) {
    EXPECT_FALSE(parse_listing(text)) << text;
  }
}

TEST(S3Answers, Errors) {
  const ServiceError error =
      parse_error("<Error><Code>NoSuch\nKey</Code><Message>" + std::string(1000, 'm') + "</Message></Error>");
  EXPECT_EQ(error.code, "NoSuch Key");
  EXPECT_EQ(error.message.size(), 300U);
  EXPECT_EQ(parse_error("<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>").code,
            "AccessDenied");
  EXPECT_EQ(parse_error("<ListBucketResult/>").code, "");
}

TEST(S3Answers, TimesAsRcloneWritesThem) {
  EXPECT_EQ(parse_mtime("1700000000.123456789"), (FileTime{1700000000, 123456789}));
  EXPECT_EQ(parse_mtime("1700000000.5"), (FileTime{1700000000, 500000000}));
  EXPECT_EQ(parse_mtime("1700000000.1234567891"), (FileTime{1700000000, 123456789}));
  EXPECT_EQ(parse_mtime("1700000000"), (FileTime{1700000000, 0}));
  for (const char* text : {"", "x", "1.", "1.x", ".5", "1 ", "1e9"}) EXPECT_FALSE(parse_mtime(text)) << text;
  EXPECT_EQ(write_mtime({1700000000, 120000000}), "1700000000.12");
  EXPECT_EQ(write_mtime({1700000000, 0}), "1700000000");
}

TEST(S3Answers, Sts) {
  const auto found = parse_sts(
      "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>S"
      "</SecretAccessKey><SessionToken>T</SessionToken><Expiration>2026-01-01T00:00:00Z</Expiration></Credentials>"
      "</AssumeRoleResult></AssumeRoleResponse>");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->access_key, "A");
  EXPECT_EQ(found->session_token, "T");
  EXPECT_EQ(found->expires, 1767225600);
  EXPECT_FALSE(parse_sts("<AssumeRoleResponse/>"));
}

TEST(S3Endpoint, WhereTheBucketStands) {
  const auto place = [](EndpointOptions options) {
    const auto found = endpoint_of(options);
    return found ? found->url() : "refused";
  };
  EXPECT_EQ(place({.bucket = "b"}), "https://b.s3.us-east-1.amazonaws.com");
  EXPECT_EQ(place({.bucket = "b", .region = "eu-west-1"}), "https://b.s3.eu-west-1.amazonaws.com");
  EXPECT_EQ(place({.bucket = "b", .path_style = true}), "https://s3.us-east-1.amazonaws.com/b");
  EXPECT_EQ(place({.bucket = "a.b"}), "https://s3.us-east-1.amazonaws.com/a.b");
  EXPECT_EQ(place({.bucket = "b", .endpoint = "http://127.0.0.1:9000/"}), "http://127.0.0.1:9000/b");
  EXPECT_EQ(place({.bucket = "b", .endpoint = "http://[::1]:9000"}), "http://[::1]:9000/b");
  EXPECT_EQ(place({.bucket = "b", .endpoint = "minio.example"}), "https://b.minio.example");
  EXPECT_EQ(place({.bucket = "b", .endpoint = "https://minio.example:443"}), "https://b.minio.example");
  for (const EndpointOptions& wrong :
       {EndpointOptions{}, EndpointOptions{.bucket = "a/b"}, EndpointOptions{.bucket = "b", .region = "x y"},
        EndpointOptions{.bucket = "b", .endpoint = "ftp://x"}, EndpointOptions{.bucket = "b", .endpoint = "http://x/y"},
        EndpointOptions{.bucket = "b", .endpoint = "http://user@x"}}) {
    EXPECT_EQ(place(wrong), "refused");
  }
}

TEST(S3Profiles, FilesOfAws) {
  Profiles profiles;
  read_profiles("[default]\naws_access_key_id = A\r\n# no\n[other]\nAWS_Secret_Access_Key=S=1\n", false, profiles);
  read_profiles(
      "[default]\naws_access_key_id = B\nregion = r\n[profile other]\nrole_arn = arn\ns3 =\n  nested = 1\n"
      "[sso-session x]\nrole_arn = no\n[profile]\nx = y\nno equals\n",
      true, profiles);
  EXPECT_EQ(profiles["default"]["aws_access_key_id"], "A");
  EXPECT_EQ(profiles["default"]["region"], "r");
  EXPECT_EQ(profiles["other"]["aws_secret_access_key"], "S=1");
  EXPECT_EQ(profiles["other"]["role_arn"], "arn");
  EXPECT_FALSE(profiles["other"].contains("nested"));
  EXPECT_EQ(profiles.size(), 2U);
}

}  // namespace
}  // namespace ferry::vfs::s3
