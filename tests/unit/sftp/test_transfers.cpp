// OPEN, CLOSE, READ and WRITE.
#include <gtest/gtest.h>

#include "tests/unit/sftp/client.h"

namespace ferry::test {
namespace {

using namespace sftp;

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return text;
}

TEST(Open, FlagsBecomeOptions) {
  struct Case {
    std::uint32_t flags;
    bool read, write, append, create, exclusive, truncate;
  };
  const Case cases[] = {
      {open_read, true, false, false, false, false, false},
      {0, true, false, false, false, false, false},
      {open_write | open_create | open_truncate, false, true, false, true, false, true},
      {open_read | open_write, true, true, false, false, false, false},
      {open_write | open_append | open_create, false, true, true, true, false, false},
      {open_write | open_create | open_exclusive, false, true, false, true, true, false},
      {open_write | open_exclusive, false, true, false, false, false, false},
      {open_read | open_truncate, true, true, false, false, false, true},
      {open_read | open_create, true, true, false, true, false, false},
  };
  for (const Case& wanted : cases) {
    FakeSession session;
    Requests requests;
    requests.open("f", wanted.flags, 0100640);
    run(requests, session);
    const vfs::OpenOptions& got = session.storage.opened_with;
    EXPECT_EQ(got.read, wanted.read) << wanted.flags;
    EXPECT_EQ(got.write, wanted.write) << wanted.flags;
    EXPECT_EQ(got.append, wanted.append) << wanted.flags;
    EXPECT_EQ(got.create, wanted.create) << wanted.flags;
    EXPECT_EQ(got.exclusive, wanted.exclusive) << wanted.flags;
    EXPECT_EQ(got.truncate, wanted.truncate) << wanted.flags;
    EXPECT_EQ(got.mode, 0640U);
  }
}

TEST(Open, Errors) {
  FakeSession session;
  session.add_file("/f", "");
  session.add_directory("/d");
  Requests requests;
  requests.open("none", open_read).open("d", open_read).open("f", open_write | open_create | open_exclusive);
  requests.open(std::string("a\0b", 3), open_read).open(std::string(5000, 'x'), open_read);
  requests.open("f/under", open_read);
  const Outcome result = run(requests, session);
  ASSERT_EQ(result.replies.size(), 6U);
  EXPECT_EQ(result.replies[0].status(), 2);
  EXPECT_EQ(result.replies[1].status(), 4);
  EXPECT_EQ(result.replies[2].status(), 4);
  EXPECT_EQ(result.replies[2].text(), "already exists");
  EXPECT_EQ(result.replies[3].status(), 4);
  EXPECT_EQ(result.replies[4].status(), 4);
  EXPECT_EQ(result.replies[5].status(), 2);
}

TEST(Open, NoMoreHandlesThanAllowed) {
  FakeSession session;
  session.add_file("/f", "x");
  Requests requests;
  requests.open("f", open_read).text(Packet::opendir, "/").open("f", open_read).text(Packet::opendir, "/");
  requests.close(handle_name(0)).open("f", open_read).close(handle_name(0));
  const Outcome result = run(requests, session, {}, {.max_handles = 2});
  ASSERT_EQ(result.replies.size(), 7U);
  for (const std::size_t i : {2U, 3U}) {
    EXPECT_EQ(result.replies[i].status(), 4);
    EXPECT_EQ(result.replies[i].text(), "Too many open files");
  }
  EXPECT_EQ(result.replies[4].status(), 0);
  EXPECT_EQ(result.replies[5].type, Packet::handle);
  EXPECT_EQ(result.replies[6].status(), 4);  // generation 0 of the slot is gone
  EXPECT_EQ(session.storage.open_handles, 0U);
  EXPECT_EQ(session.storage.abandoned, 1);

  FakeSession elsewhere;  // handles of another channel of the session count
  elsewhere.add_file("/f", "x");
  elsewhere.storage.open_handles = 2;
  EXPECT_EQ(run(Requests().open("f", open_read), elsewhere, {}, {.max_handles = 2}).replies[0].status(), 4);
}

TEST(Close, SaysWhatFailedAndForgetsTheHandle) {
  FakeSession session;
  session.storage.close_error = ErrorCode::quota_exceeded;
  Requests requests;
  requests.open("f", open_write | open_create).close(handle_name(0)).close(handle_name(0));
  const Outcome result = run(requests, session);
  EXPECT_EQ(result.replies[1].status(), 4);
  EXPECT_EQ(result.replies[1].text(), "quota exceeded");
  EXPECT_EQ(result.replies[2].text(), "Invalid handle");
  EXPECT_EQ(session.storage.closed, 1);
  EXPECT_EQ(session.storage.abandoned, 0);
}

TEST(Read, InPlaceInOnePacketOrMany) {
  const std::string text = pattern(300'000);
  for (const std::size_t packet : {1000UL, 32'768UL, ChannelShape::unlimited}) {
    FakeSession session;
    session.add_file("/f", text);
    Requests requests;
    requests.open("f", open_read).read(handle_name(0), 5, 32'768).read(handle_name(0), 0, 261'120);
    requests.read(handle_name(0), 261'120, 261'120).read(handle_name(0), 300'000, 1).read(handle_name(0), 1 << 30, 9);
    requests.read(handle_name(0), ~0ULL, 9).read(handle_name(0), 0, 0).read(handle_name(0), 0, 0xffffffff);
    const Outcome result = run(requests, session, {.packet = packet});
    ASSERT_EQ(result.replies.size(), 9U);
    EXPECT_EQ(result.replies[1].data(), text.substr(5, 32'768));
    EXPECT_EQ(result.replies[2].data(), text.substr(0, 261'120));
    EXPECT_EQ(result.replies[3].data(), text.substr(261'120));
    for (int i = 4; i < 8; ++i) EXPECT_EQ(result.replies[static_cast<std::size_t>(i)].status(), 1) << i;
    EXPECT_EQ(result.replies[8].data(), text.substr(0, 261'120));  // a READ of 4 GiB gets what a packet holds
    EXPECT_EQ(result.channel->writes, 0);                          // nothing was copied
  }
}

TEST(Read, StorageThatWaitsGoesThroughABuffer) {
  FakeSession session;
  const std::string text = pattern(200'000);
  session.add_file("/f", text);
  session.storage.waits = true;
  Requests requests;
  requests.open("f", open_read).read(handle_name(0), 1, 150'000).read(handle_name(0), 150'000, 150'000);
  requests.read(handle_name(0), 200'000, 10);
  const Outcome result = run(requests, session);
  EXPECT_EQ(result.replies[1].data(), text.substr(1, 150'000));
  EXPECT_EQ(result.replies[2].data(), text.substr(150'000));
  EXPECT_EQ(result.replies[3].status(), 1);
  EXPECT_EQ(result.channel->writes, 2);
}

TEST(Read, ShortAnswersAreCompleted) {
  FakeSession session;
  const std::string text = pattern(10'000);
  session.add_file("/f", text);
  session.storage.short_reads = 777;
  Requests requests;
  requests.open("f", open_read).read(handle_name(0), 3, 5'000).read(handle_name(0), 9'000, 5'000);
  const Outcome result = run(requests, session, {.packet = 100});
  EXPECT_EQ(result.replies[1].data(), text.substr(3, 5'000));
  EXPECT_EQ(result.replies[2].data(), text.substr(9'000));
  EXPECT_EQ(result.channel->writes, 0);
}

TEST(Read, AnyWindow) {
  const std::string text = pattern(3'000);
  for (std::size_t window = 1; window < 3'100; window += window < 60 ? 1 : 97) {
    FakeSession session;
    session.add_file("/f", text);
    Requests requests;
    requests.open("f", open_read).read(handle_name(0), 0, 1'000).read(handle_name(0), 1'000, 2'000);
    requests.read(handle_name(0), 2'990, 2'000).read(handle_name(0), 3'000, 5).close(handle_name(0));
    const Outcome result = run(requests, session, {.packet = 11, .window = window});
    ASSERT_EQ(result.replies.size(), 6U);
    EXPECT_EQ(result.replies[1].data(), text.substr(0, 1'000));
    EXPECT_EQ(result.replies[2].data(), text.substr(1'000));
    EXPECT_EQ(result.replies[3].data(), text.substr(2'990));
    EXPECT_EQ(result.replies[4].status(), 1);
    EXPECT_EQ(result.replies[5].status(), 0);
  }
}

TEST(Read, Errors) {
  for (const bool waits : {false, true}) {
    FakeSession session;
    session.add_file("/f", "abc");
    session.storage.waits = waits;
    session.storage.read_error = ErrorCode::io_error;
    Requests requests;
    requests.open("f", open_read).read(handle_name(0), 0, 3).read(handle_name(5), 0, 3);
    requests.open("f", open_write).read(handle_name(1), 0, 3).text(Packet::opendir, "/").read(handle_name(2), 0, 3);
    const Outcome result = run(requests, session);
    EXPECT_EQ(result.replies[1].status(), 4);
    EXPECT_EQ(result.replies[2].text(), "Invalid handle");
    EXPECT_EQ(result.replies[4].status(), 3);
    EXPECT_EQ(result.replies[6].text(), "Invalid handle");
  }
}

TEST(Write, LargeOnesGoOnInPiecesWithoutACopy) {
  const std::string text = pattern(262'144);
  for (const bool waits : {false, true}) {
    FakeSession session;
    session.storage.waits = waits;
    Requests requests;
    requests.open("f", open_write | open_create).write(handle_name(0), 0, text).close(handle_name(0));
    const Outcome result = run(requests, session, {.portion = 50'000, .fragment = 32'768});
    ASSERT_EQ(result.replies.size(), 3U);
    EXPECT_EQ(result.replies[1].status(), 0);
    EXPECT_EQ(session.node("/f")->data, text);
    ASSERT_EQ(session.storage.write_pieces.size(), 1U);
    EXPECT_GE(session.storage.write_pieces[0], 8U);
    EXPECT_EQ(session.storage.closed, 1);
  }
}

TEST(Write, ManyTinyFragmentsArePutTogether) {
  const std::string text = pattern(20'000);
  FakeSession session;
  Requests requests;
  requests.open("f", open_write | open_create).write(handle_name(0), 0, text).write(handle_name(0), 20'000, "end");
  const Outcome result = run(requests, session, {.fragment = 1});
  ASSERT_EQ(result.replies.size(), 3U);
  EXPECT_EQ(session.node("/f")->data, text + "end");
  for (const std::size_t pieces : session.storage.write_pieces) EXPECT_LE(pieces, 1024U);
}

// As rclone 1.60 ends a file: the packet is longer than the data it announces.
TEST(Write, BytesBehindTheDataAreIgnored) {
  for (const bool waits : {false, true}) {
    for (const std::size_t fragment : {7UL, 100'000UL}) {
      FakeSession session;
      session.storage.waits = waits;
      Requests requests;
      const std::string h = handle_name(0);
      requests.open("f", open_write | open_create).write(h, 0, "first ");
      requests.add(Packet::write, ByteWriter().string(h).u64(6).u32(7).bytes(as_bytes("second not this")));
      requests.write(h, 13, "third").close(h);
      const Outcome result = run(requests, session, {.fragment = fragment});
      ASSERT_EQ(result.replies.size(), 5U);
      for (std::size_t i = 1; i < 5; ++i) EXPECT_EQ(result.replies[i].status(), 0) << i;
      EXPECT_EQ(session.node("/f")->data, "first second third");
    }
  }
}

TEST(Write, AdjoiningOnesAreWrittenTogetherAndAnsweredOneByOne) {
  const std::string text = pattern(64 * 32'768);
  for (const bool waits : {false, true}) {
    FakeSession session;
    session.storage.waits = waits;
    Requests requests;
    requests.open("f", open_write | open_create);
    for (std::size_t i = 0; i < 64; ++i) {
      requests.write(handle_name(0), i * 32'768, std::string_view(text).substr(i * 32'768, 32'768));
    }
    requests.close(handle_name(0));
    const Outcome result = run(requests, session, {.fragment = 32'768});
    ASSERT_EQ(result.replies.size(), 66U);
    for (std::uint32_t i = 1; i < 66; ++i) {
      EXPECT_EQ(result.replies[i].id, i + 1);
      EXPECT_EQ(result.replies[i].status(), 0);
    }
    EXPECT_EQ(session.node("/f")->data, text);
    EXPECT_EQ(session.storage.writes, (std::vector<std::size_t>{1 << 20, 1 << 20}));
  }
}

TEST(Write, OthersAreNot) {
  FakeSession session;
  Requests requests;
  requests.open("f", open_write | open_create).open("g", open_write | open_create);
  requests.write(handle_name(0), 0, "aa").write(handle_name(0), 3, "bb");  // a hole between
  requests.write(handle_name(1), 5, "cc").write(handle_name(0), 7, "dd");  // other files
  requests.write(handle_name(0), 8, "ee").text(Packet::realpath, ".").write(handle_name(0), 10, "ff");
  requests.write(handle_name(0), 12, "").write(handle_name(9), 12, "x").write(handle_name(0), 12, "gg");
  const Outcome result = run(requests, session);
  ASSERT_EQ(result.replies.size(), 12U);
  EXPECT_EQ(result.replies[7].type, Packet::name);
  EXPECT_EQ(result.replies[9].status(), 0);
  EXPECT_EQ(result.replies[10].text(), "Invalid handle");
  EXPECT_EQ(session.node("/f")->data, std::string("aa\0bb\0\0deeffgg", 14));
  EXPECT_EQ(session.node("/g")->data, std::string("\0\0\0\0\0cc", 7));
  for (const std::size_t bytes : session.storage.writes) EXPECT_EQ(bytes, 2U);
}

TEST(Write, AppendingKeepsTheOrder) {
  FakeSession session;
  session.add_file("/f", "start ");
  Requests requests;
  requests.open("f", open_write | open_append).write(handle_name(0), 0, "one ").write(handle_name(0), 4, "two ");
  requests.write(handle_name(0), 0, "three");
  const Outcome result = run(requests, session);
  EXPECT_EQ(result.replies[3].status(), 0);
  EXPECT_EQ(session.node("/f")->data, "start one two three");
}

TEST(Write, Errors) {
  for (const bool waits : {false, true}) {
    FakeSession session;
    session.add_file("/f", "abc");
    session.storage.waits = waits;
    session.storage.write_error = ErrorCode::storage_full;
    Requests requests;
    requests.open("f", open_write).write(handle_name(0), 0, "x").write(handle_name(0), 1, "y");
    requests.open("f", open_read).write(handle_name(1), 0, "x").write("short", 0, "x");
    requests.write(handle_name(0), 0x7fffffffffffffff, "x").write(std::string(256, 'h'), 0, "x");
    requests.write(std::string(257, 'h'), 0, "x").text(Packet::opendir, "/").write(handle_name(2), 0, "x");
    const Outcome result = run(requests, session);
    ASSERT_EQ(result.replies.size(), 11U);
    EXPECT_EQ(result.replies[1].text(), "storage full");
    EXPECT_EQ(result.replies[2].text(), "storage full");
    EXPECT_EQ(result.replies[4].status(), 3);
    EXPECT_EQ(result.replies[5].text(), "Invalid handle");
    EXPECT_EQ(result.replies[6].status(), 4);
    EXPECT_EQ(result.replies[7].text(), "Invalid handle");
    EXPECT_EQ(result.replies[8].status(), 5);
    EXPECT_EQ(result.replies[10].text(), "Invalid handle");
    EXPECT_EQ(session.node("/f")->data, "abc");
  }
}

TEST(Transfers, WithoutCloseNothingIsComplete) {
  FakeSession session;
  Requests requests;
  requests.open("f", open_write | open_create).open("g", open_write | open_create).write(handle_name(0), 0, "part");
  requests.close(handle_name(1));
  const Outcome result = run(requests, session);
  EXPECT_EQ(result.channel->exit_status, 0);
  EXPECT_EQ(session.storage.closed, 1);
  EXPECT_EQ(session.storage.abandoned, 1);
  EXPECT_EQ(session.storage.open_handles, 0U);
}

}  // namespace
}  // namespace ferry::test
