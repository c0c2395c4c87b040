#include "vfs/object/times.h"

#include <gtest/gtest.h>

namespace ferry::vfs::object {
namespace {

TEST(ObjectTimes, WritesRfc3339AsRclone) {
  EXPECT_EQ(rfc3339({1'234'567'890, 0}), "2009-02-13T23:31:30Z");
  EXPECT_EQ(rfc3339({1'234'567'890, 123'456'789}), "2009-02-13T23:31:30.123456789Z");
  EXPECT_EQ(rfc3339({1'234'567'890, 500'000'000}), "2009-02-13T23:31:30.5Z");
  EXPECT_EQ(rfc3339({1'234'567'890, 1}), "2009-02-13T23:31:30.000000001Z");
  EXPECT_EQ(rfc3339({-1, 0}), "1969-12-31T23:59:59Z");
  EXPECT_EQ(rfc3339({253'402'300'799, 0}), "9999-12-31T23:59:59Z");
  EXPECT_EQ(rfc3339({253'402'300'800, 0}), "");
  EXPECT_EQ(rfc3339({INT64_MIN, 0}), "");
}

TEST(ObjectTimes, ReadsRfc3339) {
  EXPECT_EQ(parse_rfc3339("2009-02-13T23:31:30Z"), (FileTime{1'234'567'890, 0}));
  EXPECT_EQ(parse_rfc3339("2009-02-14T01:31:30.25+02:00"), (FileTime{1'234'567'890, 250'000'000}));
  EXPECT_EQ(parse_rfc3339("2009-02-13t22:31:30.000000001-01:00"), (FileTime{1'234'567'890, 1}));
  EXPECT_EQ(parse_rfc3339("0000-01-01T00:00:00Z"), (FileTime{-62'167'219'200, 0}));
  for (const char* wrong : {"", "2009-02-13", "2009-02-13T23:31:30", "2009-02-13T23:31:30.Z", "2009-02-30T00:00:00Z",
                            "2009-02-13T24:00:00Z", "2009-02-13T23:60:00Z", "2009-02-13T23:31:30.1234567890Z",
                            "2009-02-13T23:31:30+25:00", "2009-02-13T23:31:30Z ", "x009-02-13T23:31:30Z",
                            "2009-13-13T23:31:30Z", "2009-00-13T23:31:30Z", "1234567890"}) {
    EXPECT_FALSE(parse_rfc3339(wrong)) << wrong;
  }
}

TEST(ObjectTimes, HttpDates) {
  EXPECT_EQ(http_date(784'111'777), "Sun, 06 Nov 1994 08:49:37 GMT");  // RFC 9110's example
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784'111'777);
  EXPECT_EQ(parse_http_date(http_date(0)), 0);
  for (const char* wrong : {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                            "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994"}) {
    EXPECT_FALSE(parse_http_date(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace ferry::vfs::object
