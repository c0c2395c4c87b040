#include "vfs/azure/answers.h"

#include <gtest/gtest.h>

#include "crypto/encoding.h"
#include "vfs/azure/azure_store.h"
#include "vfs/azure/signing.h"

namespace ferry::vfs::azure {
namespace {

// The example of "Authorize with Shared Key" in Microsoft's reference; the signature is by another HMAC (Python's).
TEST(AzureSigning, TheExampleOfTheReference) {
  SignedParts parts;
  parts.method = "GET";
  parts.path = "/mycontainer";
  parts.query = {{"restype", "container"}, {"comp", "metadata"}, {"timeout", "20"}};
  parts.headers = {{"x-ms-version", "2015-02-21"}, {"x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT"}};
  EXPECT_EQ(string_to_sign("myaccount", parts),
            "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n"
            "/myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20");
  const auto key =
      crypto::base64_decode("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==");
  ASSERT_TRUE(key);
  EXPECT_EQ(shared_key_authorization("myaccount", crypto::Secret(*key), parts),
            "SharedKey myaccount:1u9lui2jDxj0+fpbHjQ5m5NnastJRSYM+PSmfi8TXx4=");
}

TEST(AzureSigning, HeadersHaveTheirPlaces) {
  SignedParts parts;
  parts.method = "PUT";
  parts.path = "/c/a%20b";
  parts.query = {{"B", "2"}, {"a", "z"}, {"a", "y"}};
  parts.headers = {{"If-None-Match", "*"},
                   {"X-MS-Meta-B", "2"},
                   {"x-ms-meta-a", "1"},
                   {"If-Match", "\"tag\""},
                   {"Other", "not signed"}};
  EXPECT_EQ(string_to_sign("acc", parts),
            "PUT\n\n\n\n\n\n\n\n\"tag\"\n*\n\n\nx-ms-meta-a:1\nx-ms-meta-b:2\n/acc/c/a%20b"
            "\na:y,z\nb:2");
  parts.body_size = 11;
  EXPECT_TRUE(string_to_sign("acc", parts).starts_with("PUT\n\n\n11\n\n"));
}

TEST(AzureAnswers, AListing) {
  const auto page = parse_listing(
      "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults><Blobs>"
      "<Blob><Name>a&amp;b</Name><Properties><Last-Modified>Sun, 06 Nov 1994 08:49:37 GMT</Last-Modified>"
      "<Etag>0x8D</Etag><Content-Length>5</Content-Length><Content-Type>text/plain</Content-Type></Properties>"
      "<Metadata><Mtime>2009-02-13T23:31:30.5Z</Mtime><hdi_isfolder>true</hdi_isfolder></Metadata></Blob>"
      "<Blob><Name Encoded=\"true\">c%0Ad</Name><Properties>"
      "<Last-Modified>Sun, 06 Nov 1994 08:49:37 GMT</Last-Modified><ResourceType>directory</ResourceType>"
      "</Properties></Blob><BlobPrefix><Name>p/</Name></BlobPrefix></Blobs><NextMarker>next!</NextMarker>"
      "</EnumerationResults>");
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->objects.size(), 2U);
  EXPECT_EQ(page->objects[0].key, "a&b");
  EXPECT_EQ(page->objects[0].size, 5U);
  EXPECT_EQ(page->objects[0].version, "\"0x8D\"");
  EXPECT_EQ(page->objects[0].content_type, "text/plain");
  EXPECT_EQ(page->objects[0].modified, (FileTime{1'234'567'890, 500'000'000}));
  EXPECT_TRUE(page->objects[0].directory);
  EXPECT_EQ(page->objects[1].key, "c\nd");
  EXPECT_EQ(page->objects[1].modified, (FileTime{784'111'777, 0}));
  EXPECT_TRUE(page->objects[1].directory);
  EXPECT_EQ(page->prefixes, std::vector<std::string>{"p/"});
  EXPECT_EQ(page->next, "next!");
}

TEST(AzureAnswers, ListingsThatAreNone) {
  const std::string before = "<EnumerationResults><Blobs><Blob>", after = "</Blob></Blobs></EnumerationResults>";
  const std::string time = "<Last-Modified>Sun, 06 Nov 1994 08:49:37 GMT</Last-Modified>";
  EXPECT_TRUE(parse_listing(before + "<Name>a</Name><Properties>" + time + "</Properties>" + after));
  for (const std::string& wrong :
       {std::string(), std::string("{}"), std::string("<html/>"),
        before + "<Properties>" + time + "</Properties>" + after,
        before + "<Name>a</Name><Properties></Properties>" + after,
        before + "<Name Encoded=\"true\">%zz</Name><Properties>" + time + "</Properties>" + after,
        before + "<Name>a</Name><Properties>" + time + "<Content-Length>-1</Content-Length></Properties>" + after,
        before + "<Name>a</Name><Properties>" + time + "</Properties>"}) {
    const auto page = parse_listing(wrong);
    ASSERT_FALSE(page) << wrong;
    EXPECT_EQ(page.error().code, ErrorCode::protocol_error);
  }
}

TEST(AzureAnswers, BlockLists) {
  const auto lists = parse_block_lists(
      "<BlockList><CommittedBlocks><Block><Name>YQ==</Name><Size>7</Size></Block></CommittedBlocks><UncommittedBlocks>"
      "<Block><Name>Yg==</Name><Size>8</Size></Block></UncommittedBlocks></BlockList>");
  ASSERT_TRUE(lists);
  ASSERT_EQ(lists->committed.size(), 1U);
  EXPECT_EQ(lists->committed[0].id, "YQ==");
  ASSERT_EQ(lists->uncommitted.size(), 1U);
  EXPECT_EQ(lists->uncommitted[0].size, 8U);
  EXPECT_FALSE(
      parse_block_lists("<BlockList><CommittedBlocks><Block><Name>a</Name></Block></CommittedBlocks></BlockList>"));
  EXPECT_FALSE(parse_block_lists("<Other/>"));
}

TEST(AzureAnswers, ErrorsAreOneLine) {
  EXPECT_EQ(error_message("<Error><Code>X</Code><Message>Refused.\nRequestId:1\nsigned: secret</Message></Error>"),
            "Refused.");
  EXPECT_EQ(error_message("<Error><Message>" + std::string(1000, 'x') + "</Message></Error>").size(), 300U);
  EXPECT_EQ(error_message("no XML"), "");
}

TEST(AzureAnswers, Tokens) {
  const auto first = parse_token(R"({"access_token":"abc","expires_in":3599})", 1000);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->token, "abc");
  EXPECT_EQ(first->expires_in, 3599);
  EXPECT_EQ(parse_token(R"({"access_token":"abc","expires_in":"3599"})", 1000).value_or(TokenAnswer{}).expires_in,
            3599);
  EXPECT_EQ(parse_token(R"({"access_token":"abc","expires_on":"1600"})", 1000).value_or(TokenAnswer{}).expires_in, 600);
  EXPECT_EQ(parse_token(R"({"access_token":"abc","expires_in":999999999})", 0).value_or(TokenAnswer{}).expires_in,
            86'400);
  for (const char* wrong : {"", "[]", "{}", R"({"access_token":"","expires_in":1})", R"({"access_token":"a"})",
                            R"({"access_token":"a","expires_in":-1})", R"({"access_token":1,"expires_in":1})"}) {
    EXPECT_FALSE(parse_token(wrong, 0)) << wrong;
  }
}

TEST(AzureBlocks, IdsAreOfOneLength) {
  object::Part part;
  part.number = 50'000;
  part.offset = std::uint64_t{190} << 40;
  const std::string id = block_id("0123456789abcdef", part);
  EXPECT_EQ(id.size(), block_id("0123456789abcdef", object::Part{}).size());
  EXPECT_LE(crypto::base64_decode(id).value_or(Bytes{}).size(), 64U);
  const auto back = part_of_block("0123456789abcdef", id, 77);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->number, part.number);
  EXPECT_EQ(back->offset, part.offset);
  EXPECT_EQ(back->size, 77U);
  EXPECT_EQ(back->tag, id);
  EXPECT_FALSE(part_of_block("0123456789abcdee", id, 77));
  EXPECT_FALSE(part_of_block("0123456789abcdef", "AAAA", 77));
  EXPECT_FALSE(part_of_block("0123456789abcdef", "no base64", 77));
}

}  // namespace
}  // namespace ferry::vfs::azure
