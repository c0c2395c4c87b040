#include <gtest/gtest.h>

#include "protocols/scp/scp.h"
#include "protocols/scp/wire.h"

namespace ferry::scp {
namespace {

TEST(ScpEntry, ReadsWhatSourcesSend) {
  const auto entry = parse_entry("0644 12345 a name with spaces ");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->mode, 0644U);
  EXPECT_EQ(entry->size, 12345U);
  EXPECT_EQ(entry->name, "a name with spaces ");
}

TEST(ScpEntry, RefusesWhatIsNone) {
  for (const char* text :
       {"", "0644", "0644 5", "0644 5 ", "0888 5 x", "77777 5 x", "-644 5 x", " 644 5 x", "0644 -5 x", "0644 +5 x",
        "0644 0x5 x", "0644 99999999999999999999 x", "0644 9223372036854775808 x", "0644 5 .", "0644 5 ..",
        "0644 5 a/b", "0644 5 /", "0644  5 x"}) {
    const auto entry = parse_entry(text);
    EXPECT_FALSE(entry) << text;
    if (!entry) {
      EXPECT_EQ(entry.error().code, ErrorCode::protocol_error);
    }
  }
  EXPECT_FALSE(parse_entry(std::string_view("0644 5 a\0b", 10)));
}

TEST(ScpTimes, ReadsWhatSourcesSend) {
  const auto times = parse_times("1100000000 5 1000000000 999999");
  ASSERT_TRUE(times);
  EXPECT_EQ(times->modified.seconds, 1100000000);
  EXPECT_EQ(times->modified.nanoseconds, 5000U);
  EXPECT_EQ(times->accessed.seconds, 1000000000);
  EXPECT_EQ(times->accessed.nanoseconds, 999999000U);
}

TEST(ScpTimes, RefusesWhatIsNone) {
  for (const char* text : {"", "1", "1 0", "1 0 1", "1 0 1 1000000", "1 1000000 1 0", "-1 0 1 0", "1 0 1 0 0",
                           "1 0 1 x", "99999999999999999999 0 1 0", "1  0 1 0"}) {
    EXPECT_FALSE(parse_times(text)) << text;
  }
}

Result<Arguments> arguments(std::string_view line) {
  const auto words = split_command_line(line);
  return parse_arguments(*words);
}

TEST(ScpArguments, OptionsInAnyGrouping) {
  const auto sink = arguments("scp -v -rp -d -t -- -odd");
  ASSERT_TRUE(sink);
  EXPECT_TRUE(sink->sink && sink->recursive && sink->preserve && sink->target_directory);
  EXPECT_EQ(sink->paths.front().text, "-odd");
  const auto source = arguments("scp -prf a b");
  ASSERT_TRUE(source);
  EXPECT_FALSE(source->sink);
  EXPECT_EQ(source->paths.size(), 2U);
}

TEST(ScpArguments, WhatMakesNoSenseIsRefused) {
  for (const char* line : {"scp", "scp x", "scp -t", "scp -f", "scp -t -f x", "scp -t a b", "scp -S prog -t x",
                           "scp -oProxyCommand=x -t y"}) {
    EXPECT_FALSE(arguments(line)) << line;
  }
}

TEST(ScpLines, AreWrittenAsClientsReadThem) {
  vfs::FileInfo info;
  info.mode = 0100640;
  info.size = 7;
  info.modified.seconds = 5;
  info.accessed.seconds = -3;
  EXPECT_EQ(format_entry('C', info, "a b"), "C0640 7 a b\n");
  EXPECT_EQ(format_entry('D', info, "d"), "D0640 0 d\n");
  EXPECT_EQ(format_times(info), "T5 0 0 0\n");
}

}  // namespace
}  // namespace ferry::scp
