#include <gtest/gtest.h>

#include "protocols/sftp/reader.h"
#include "tests/unit/sftp/client.h"

namespace ferry::test {
namespace {

using namespace sftp;

// A conversation that touches every kind of request, with its replies known to be the same however it is cut.
Requests everything() {
  Requests requests;
  requests.text(Packet::realpath, ".").open("new", open_write | open_create, 0600);
  requests.write(handle_name(0), 0, "hello ").write(handle_name(0), 6, "world").text(Packet::fstat, handle_name(0));
  requests.close(handle_name(0)).open("new", open_read).read(handle_name(0, 1), 0, 100);
  requests.read(handle_name(0, 1), 11, 100).close(handle_name(0, 1)).text(Packet::opendir, "/");
  requests.text(Packet::readdir, handle_name(0, 2)).text(Packet::readdir, handle_name(0, 2));
  requests.close(handle_name(0, 2)).texts(Packet::rename, "new", "newer").text(Packet::remove, "newer");
  requests.extension("limits@openssh.com").text(Packet::lstat, "missing");
  return requests;
}

TEST(Framing, ExactBytesOfTheDraft) {
  FakeSession session;
  session.add_file("/f", "abc");
  // INIT 3; LSTAT id 7 "/nope"; READ id 9 of an unknown handle "x", offset 1, 2 bytes.
  const unsigned char in[] = {0, 0, 0, 5,  1, 0, 0, 0, 3,                                       //
                              0, 0, 0, 14, 7, 0, 0, 0, 7, 0, 0, 0, 5, '/', 'n', 'o', 'p', 'e',  //
                              0, 0, 0, 22, 5, 0, 0, 0, 9, 0, 0, 0, 1, 'x', 0,   0,   0,   0,   0, 0, 0, 1, 0, 0, 0, 2};
  FakeChannel channel(std::as_bytes(std::span(in)));
  serve(channel, session);
  const auto replies = take_apart(channel.output);
  ASSERT_EQ(replies.size(), 2U);
  const std::string status2 = std::string("\0\0\0\2\0\0\0\x0cNo such file\0\0\0\0", 24);
  EXPECT_EQ(as_text(replies[0].fields), status2);
  EXPECT_EQ(replies[0].id, 7U);
  EXPECT_EQ(replies[1].status(), 4);
  EXPECT_EQ(replies[1].text(), "Invalid handle");
  EXPECT_EQ(replies[1].id, 9U);
  EXPECT_EQ(channel.exit_status, 0);
}

TEST(Framing, VersionAnnouncesEveryExtension) {
  FakeSession session;
  const unsigned char init[] = {0, 0, 0, 5, 1, 0, 0, 0, 6};  // lftp asks for 6
  FakeChannel channel(std::as_bytes(std::span(init)));
  serve(channel, session);
  const auto replies = take_apart(channel.output, false);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].type, Packet::version);
  EXPECT_EQ(replies[0].id, 3U);
  std::map<std::string, std::string> found;
  ByteReader in = replies[0].reader();
  while (in.ok() && !in.rest().empty()) {
    const std::string name(in.string());
    found[name] = in.string();
  }
  EXPECT_TRUE(in.done());
  const std::map<std::string, std::string> expected{{"posix-rename@openssh.com", "1"},
                                                    {"statvfs@openssh.com", "2"},
                                                    {"fstatvfs@openssh.com", "2"},
                                                    {"hardlink@openssh.com", "1"},
                                                    {"fsync@openssh.com", "1"},
                                                    {"lsetstat@openssh.com", "1"},
                                                    {"limits@openssh.com", "1"},
                                                    {"expand-path@openssh.com", "1"},
                                                    {"copy-data", "1"},
                                                    {"home-directory", "1"},
                                                    {"users-groups-by-id@openssh.com", "1"},
                                                    {"check-file", ""},
                                                    {"copy-file", ""},
                                                    {"check-file-handle", ""},
                                                    {"check-file-name", ""},
                                                    {"md5-hash", ""},
                                                    {"md5-hash-handle", ""},
                                                    {"space-available", ""},
                                                    {"vendor-id", std::string("\0\0\0\5"
                                                                              "Ferry\0\0\0\5"
                                                                              "Ferry\0\0\0\0"
                                                                              "\0\0\0\0\0\0\0\0",
                                                                              30)},
                                                    {"versions", "3"}};
  EXPECT_EQ(found, expected);
}

TEST(Framing, InitMayCarryExtensions) {
  FakeSession session;
  Requests requests(false);
  const ByteWriter init = ByteWriter().u8(1).u32(3).string("newline").string("\n");
  requests.raw(ByteWriter().string(init.data()).data()).text(Packet::realpath, ".");
  const Outcome result = run(requests, session);
  ASSERT_EQ(result.replies.size(), 1U);
  EXPECT_EQ(result.replies[0].type, Packet::name);
}

TEST(Framing, NothingIsAnsweredBeforeInit) {
  FakeSession session;
  Requests requests(false);
  requests.text(Packet::mkdir, "d").text(Packet::realpath, ".");
  FakeChannel channel(requests.bytes());
  serve(channel, session);
  EXPECT_TRUE(channel.output.empty());
  EXPECT_EQ(channel.exit_status, 1);
  EXPECT_EQ(session.node("/d"), nullptr);
}

TEST(Framing, ImpossibleLengthsEndTheChannel) {
  for (const std::uint32_t length : {0U, 1U, 4U, std::uint32_t(max_request) + 1, 0x7fffffffU, 0xffffffffU}) {
    FakeSession session;
    Requests requests;
    requests.open("f", open_write | open_create).raw(ByteWriter().u32(length).u8(17).data());
    requests.text(Packet::realpath, ".");
    const Outcome result = run(requests, session);
    ASSERT_EQ(result.replies.size(), 1U) << length;
    EXPECT_EQ(result.replies[0].type, Packet::handle);
    EXPECT_EQ(result.channel->exit_status, 1);
    EXPECT_EQ(session.storage.abandoned, 1);
  }
}

TEST(Framing, UnknownRequestsAndExtensionsAreUnsupported) {
  FakeSession session;
  Requests requests;
  requests.add(static_cast<Packet>(21), ByteWriter().string("x")).add(static_cast<Packet>(255), ByteWriter());
  requests.add(Packet::init, ByteWriter()).add(Packet::status, ByteWriter()).extension("made-up@example.com");
  const Outcome result = run(requests, session);
  ASSERT_EQ(result.replies.size(), 5U);
  for (const Reply& reply : result.replies) EXPECT_EQ(reply.status(), 8);
}

TEST(Framing, MalformedRequestsAreBadMessages) {
  FakeSession session;
  session.add_file("/f", "abc");
  Requests requests;
  requests.open("f", open_read);
  const auto add = [&](Packet type, const ByteWriter& fields) { requests.add(type, fields); };
  int count = 0;
  for (unsigned type = 3; type <= 20; ++type) {
    add(static_cast<Packet>(type), ByteWriter().u32(1000).u8('x'));  // a string that ends too early
    add(static_cast<Packet>(type), ByteWriter());
    count += 2;
  }
  const std::string h = handle_name(0);
  add(Packet::write, ByteWriter().string(h).u64(0).u32(5).u32(0));  // says 5, has 4
  add(Packet::setstat, ByteWriter().string("f").u32(attr_extended).u32(0xffffffff).string("a"));
  add(Packet::setstat, ByteWriter().string("f").u32(attr_size).u32(0));
  add(Packet::extended, ByteWriter().u32(9));
  requests.extension("copy-data", ByteWriter().string(h));
  requests.extension("users-groups-by-id@openssh.com", ByteWriter().string("abc").string(""));
  count += 6;
  const Outcome result = run(requests, session);
  ASSERT_EQ(result.replies.size(), 1U + static_cast<std::size_t>(count));
  for (std::size_t i = 1; i < result.replies.size(); ++i) EXPECT_EQ(result.replies[i].status(), 5) << i;
  EXPECT_NE(session.node("/f"), nullptr);
}

TEST(Framing, WhatStandsBehindTheLastFieldIsPassedOver) {
  const std::string h = handle_name(0);
  Requests requests;
  requests.add(Packet::open, ByteWriter().string("f").u32(open_read | open_write | open_create).u32(0).u32(99));
  for (std::uint64_t at = 0; at < 9; at += 3) {
    requests.add(Packet::write, ByteWriter().string(h).u64(at).u32(3).bytes(as_bytes("abc")).bytes(as_bytes("junk")));
  }
  requests.add(Packet::read, ByteWriter().string(h).u64(0).u32(20).u8(1));
  requests.add(Packet::realpath, ByteWriter().string(".").u8(1)).extension("limits@openssh.com", ByteWriter().u8(0));
  for (const std::size_t fragment : {1UL, 5UL, ChannelShape::unlimited}) {
    FakeSession session;
    const Outcome result = run(requests, session, {.fragment = fragment});
    ASSERT_EQ(result.replies.size(), 7U);
    for (std::size_t i = 1; i < 4; ++i) EXPECT_EQ(result.replies[i].status(), 0);
    EXPECT_EQ(result.replies[4].data(), "abcabcabc");
    EXPECT_EQ(session.storage.writes, std::vector<std::size_t>{9});
    EXPECT_EQ(result.replies[5].type, Packet::name);
    EXPECT_EQ(result.replies[6].type, Packet::extended_reply);
  }
}

TEST(Framing, CutAtEveryByteTheAnswersAreTheSame) {
  const Requests requests = everything();
  FakeSession whole_session;
  const Outcome whole = run(requests, whole_session);
  ASSERT_EQ(whole.replies.size(), 18U);
  EXPECT_EQ(whole.replies[7].data(), "hello world");
  for (std::size_t cut = 1; cut < requests.bytes().size(); ++cut) {
    FakeSession session;
    FakeChannel channel(requests.bytes());
    channel.cut_at({cut});
    serve(channel, session);
    ASSERT_EQ(channel.output, whole.channel->output) << cut;
    ASSERT_EQ(channel.flushed, channel.output.size());
  }
}

TEST(Framing, AnyFragmentsAndPacketsGiveTheSameAnswers) {
  const Requests requests = everything();
  FakeSession whole_session;
  const Outcome whole = run(requests, whole_session);
  for (const std::size_t fragment : {1UL, 2UL, 3UL, 7UL, 29UL, 64UL}) {
    for (const std::size_t packet : {1UL, 5UL, 13UL, 100UL}) {
      for (const std::size_t window : {1UL, 14UL, 50UL, ChannelShape::unlimited}) {
        FakeSession session;
        const Outcome cut =
            run(requests, session, {.portion = 3 * fragment, .fragment = fragment, .packet = packet, .window = window});
        ASSERT_EQ(cut.channel->output, whole.channel->output) << fragment << " " << packet << " " << window;
      }
    }
  }
}

TEST(Framing, FlushesOnceNothingCompleteIsLeft) {
  FakeSession session;
  Requests requests;
  for (int i = 0; i < 50; ++i) requests.text(Packet::realpath, ".");
  const Outcome result = run(requests, session);
  EXPECT_EQ(result.replies.size(), 50U);
  EXPECT_LE(result.channel->flushes, 3);  // before the first byte, after the last request, at the end
  EXPECT_EQ(result.channel->flushed, result.channel->output.size());
}

TEST(Framing, ARequestCutShortByTheEndIsNotExecuted) {
  FakeSession session;
  Requests requests;
  requests.open("f", open_write | open_create).write(handle_name(0), 0, "0123456789");
  Bytes bytes = requests.bytes();
  bytes.pop_back();
  FakeChannel channel(bytes);
  serve(channel, session);
  EXPECT_EQ(session.node("/f")->data, "");
  EXPECT_EQ(session.storage.abandoned, 1);
  EXPECT_EQ(session.storage.closed, 0);
  EXPECT_EQ(channel.exit_status, 1);
}

TEST(Framing, AChannelThatBreaksEndsTheConversation) {
  for (std::size_t after = 1; after < 600; after += 13) {
    FakeSession session;
    Requests requests = everything();
    FakeChannel channel(requests.bytes(), {.portion = 20, .breaks_after = after});
    serve(channel, session);
    EXPECT_EQ(session.storage.open_handles, 0U);
  }
}

// What a client sent before it left is done, on storage that waits too; not so when the server has ended it.
TEST(Framing, WhatAClientThatLeftHadAskedForIsDone) {
  const std::string data(100'000, 'd');
  const std::string file = handle_name(0);
  Requests requests;
  requests.open("f", open_write | open_create)
      .write(file, 0, data)
      .read(file, 0, 9)
      .add(Packet::fsetstat, ByteWriter().string(file).u32(attr_size).u64(99'000));
  requests.write(file, 99'000, data).close(file).text(Packet::remove, "old");
  for (const bool aborts : {false, true}) {
    for (const bool waits : {false, true}) {
      FakeSession session;
      session.add_file("/old", "x");
      session.storage.waits = waits;
      FakeChannel channel(requests.bytes(), {.breaks_after = 1, .aborts = aborts});  // it leaves at VERSION
      serve(channel, session);
      EXPECT_EQ(session.storage.open_handles, 0U);
      if (aborts) {
        EXPECT_FALSE(session.node("/f"));
        continue;
      }
      ASSERT_TRUE(session.node("/f"));
      EXPECT_EQ(session.node("/f")->data.size(), 199'000U);
      EXPECT_EQ(session.storage.closed, 1);
      EXPECT_EQ(session.storage.abandoned, 0);
      EXPECT_FALSE(session.node("/old"));
    }
  }
}

// Data that is not all there gets no final name by somebody who did not hear of it.
TEST(Framing, AFailureThatNobodyHearsOfEndsTheConversation) {
  const std::string file = handle_name(0);
  Requests requests;
  requests.open("part", open_write | open_create).write(file, 0, "data").close(file);
  requests.texts(Packet::rename, "part", "whole");
  for (const bool left : {false, true}) {
    FakeSession session;
    session.storage.write_error = ErrorCode::storage_full;
    session.storage.waits = true;
    FakeChannel channel(requests.bytes(), {.breaks_after = left ? 1 : ChannelShape::unlimited});
    serve(channel, session);
    EXPECT_EQ(session.node("/whole") != nullptr, !left);
    EXPECT_EQ(session.storage.abandoned, left ? 1 : 0);
  }
}

TEST(Framing, ADigestThatNobodyWaitsForStopsNothing) {
  const std::string file = handle_name(0);
  const ByteWriter all = ByteWriter().string(file).string("md5").u64(0).u64(0).u32(0);
  Requests requests;
  requests.open("f", open_read | open_write | open_create).write(file, 0, "data");
  requests.extension("check-file-handle", all).close(file);
  FakeSession session;
  FakeChannel channel(requests.bytes(), {.breaks_after = 1});
  serve(channel, session);
  EXPECT_EQ(session.storage.closed, 1);
}

TEST(Framing, ReadOnlyRefusesWhatChanges) {
  FakeSession session;
  session.add_file("/f", "abc");
  const ByteWriter two = ByteWriter().string("f").string("g");
  Requests requests;
  requests.open("f", open_read | open_create).open("n", open_write | open_create).open("f", open_read | open_truncate);
  requests.text(Packet::remove, "f").texts(Packet::rename, "f", "g").text(Packet::rmdir, "d");
  requests.add(Packet::mkdir, ByteWriter().string("d").u32(0)).texts(Packet::symlink, "f", "g");
  requests.add(Packet::setstat, ByteWriter().string("f").u32(attr_size).u64(0)).write(handle_name(0), 0, "x");
  requests.extension("posix-rename@openssh.com", two).extension("hardlink@openssh.com", two);
  requests.open("f", open_read).read(handle_name(0), 0, 9);
  const Outcome result = run(requests, session, {}, {.read_only = true});
  ASSERT_EQ(result.replies.size(), 14U);
  for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(result.replies[i].status(), 3) << i;
  EXPECT_EQ(result.replies[13].data(), "abc");
}

}  // namespace
}  // namespace ferry::test
