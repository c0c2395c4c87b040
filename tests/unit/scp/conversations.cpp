#include <gtest/gtest.h>

#include <random>

#include "tests/unit/scp/conversation.h"

namespace ferry::test {
namespace {

using namespace std::string_literals;

constexpr std::string_view upload = "scp -r -p -t /d";
std::string upload_stream() {
  return "T5 0 6 0\nC0644 5 one\nhello\0D0755 0 sub\nC0600 0 empty\n\0"s + "C0644 3 two\nabc\0E\n"s;
}

TEST(Scp, AnUploadInPortionsAndFragments) {
  for (const std::size_t portion : {ChannelShape::unlimited, std::size_t{1}, std::size_t{3}}) {
    for (const bool waits : {false, true}) {
      FakeSession session;
      session.add_directory("/d");
      session.storage.waits = waits;
      const std::string stream = upload_stream();
      const ScpOutcome outcome = run_scp(session, upload, as_bytes(stream), {.portion = portion, .fragment = 2});
      EXPECT_EQ(outcome.status, 0) << outcome.output;
      EXPECT_EQ(outcome.output, std::string(10, '\0'));
      EXPECT_EQ(session.node("/d/one")->data, "hello");
      EXPECT_EQ(session.node("/d/one")->info.modified.seconds, 5);
      EXPECT_EQ(session.node("/d/sub/two")->data, "abc");
      EXPECT_EQ(session.node("/d/sub/empty")->info.mode, 0600U);
      EXPECT_EQ(session.storage.open_handles, 0U);
    }
  }
}

TEST(Scp, CutAnywhereNoFileIsCompletedThatIsNotWhole) {
  const std::string stream = upload_stream();
  for (std::size_t length = 0; length < stream.size(); ++length) {
    FakeSession session;
    session.add_directory("/d");
    const ScpOutcome outcome = run_scp(session, upload, as_bytes(std::string_view(stream).substr(0, length)));
    const std::size_t whole = (length >= 27 ? 1U : 0U) + (length >= 54 ? 1U : 0U) + (length >= 70 ? 1U : 0U);
    EXPECT_EQ(static_cast<std::size_t>(session.storage.closed), whole) << length;
    EXPECT_EQ(session.storage.open_handles, 0U);
    const bool between = length == 0 || length == 9 || length == 27 || length == stream.size();
    EXPECT_EQ(outcome.status, between ? 0 : 1) << length;
  }
}

TEST(Scp, AWriteThatFailsCostsThatFileAlone) {
  FakeSession session;
  session.add_directory("/d");
  session.storage.write_error = ErrorCode::quota_exceeded;
  const std::string stream = "C0644 5 one\nhello\0C0644 0 two\n\0"s;
  const ScpOutcome outcome = run_scp(session, "scp -t /d", as_bytes(stream));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.output, "\0\0\1scp: /d/one: Disk quota exceeded\n\0\0"s);
  EXPECT_EQ(session.storage.abandoned, 1);
  EXPECT_EQ(session.storage.closed, 1);
}

TEST(Scp, ADownloadIsTheSameByEveryWay) {
  std::string data(700'000, 'x');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7);
  for (const std::size_t window : {ChannelShape::unlimited, std::size_t{1000}}) {
    for (const std::size_t short_reads : {std::size_t{0}, std::size_t{999}}) {
      for (const bool waits : {false, true}) {
        FakeSession session;
        session.add_file("/file", data);
        session.storage.waits = waits;
        session.storage.short_reads = short_reads;
        const ScpOutcome outcome = run_scp(session, "scp -f /file", as_bytes("\0\0\0"s), {.window = window});
        EXPECT_EQ(outcome.status, 0);
        EXPECT_EQ(outcome.output, "C0644 700000 file\n" + data + '\0');
      }
    }
  }
}

TEST(Scp, AFileThatCannotBeReadIsFilledUpAndToldOf) {
  FakeSession session;
  session.add_file("/file", "hello");
  session.storage.read_error = ErrorCode::io_error;
  const ScpOutcome outcome = run_scp(session, "scp -f /file", as_bytes("\0\0\0"s));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.output, "C0644 5 file\n\0\0\0\0\0\1scp: /file: Input/output error\n"s);
}

TEST(Scp, AnythingEndsAndGivesItsHandlesBack) {
  std::mt19937 random(7);
  const std::string good = upload_stream();
  constexpr std::string_view lines[] = {"scp -r -p -t /d", "scp -t /d/x", "scp -r -f /", "scp -f /d/* /d",
                                        "scp -prf ~ /none"};
  for (int round = 0; round < 4000; ++round) {
    std::string stream = round % 2 == 0 ? good : std::string(random() % 64, '\0');
    for (unsigned changes = random() % 4; changes > 0 && !stream.empty(); --changes) {
      stream[random() % stream.size()] = static_cast<char>(random() % 128);
    }
    FakeSession session;
    session.add_directory("/d");
    session.add_file("/d/f", std::string(3000, 'x'));
    ChannelShape shape;
    shape.portion = random() % 8 + 1;
    if (round % 3 == 0) shape.breaks_after = random() % 3000;
    const ScpOutcome outcome = run_scp(session, lines[random() % std::size(lines)], as_bytes(stream), shape);
    ASSERT_EQ(session.storage.open_handles, 0U);
    ASSERT_GE(outcome.status, 0);
  }
}

}  // namespace
}  // namespace ferry::test
