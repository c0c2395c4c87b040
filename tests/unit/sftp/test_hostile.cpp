// Every truncation and many mutations of a valid stream: whatever comes, the server answers packets, ends, and
// leaves nothing open. Meant for the sanitizers.
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/sftp/client.h"

namespace ferry::test {
namespace {

using namespace sftp;

Requests valid_stream() {
  Requests requests;
  const std::string first = handle_name(0), second = handle_name(1);
  requests.open("f", open_read | open_write | open_create, 0640).text(Packet::opendir, "/");
  requests.write(first, 0, std::string(300, 'w')).write(first, 300, std::string(50, 'v')).read(first, 5, 200);
  requests.text(Packet::readdir, second).text(Packet::readdir, second).text(Packet::fstat, first);
  requests.add(Packet::fsetstat, ByteWriter().string(first).u32(attr_size | attr_times).u64(20).u32(1).u32(2));
  requests.add(Packet::setstat, ByteWriter().string("d").u32(attr_extended).u32(1).string("x@y").string("z"));
  requests.add(Packet::mkdir, ByteWriter().string("new").u32(attr_permissions).u32(0700)).text(Packet::rmdir, "new");
  requests.texts(Packet::symlink, "f", "link").text(Packet::readlink, "link").text(Packet::realpath, "a/../b");
  requests.text(Packet::stat, "f")
      .text(Packet::lstat, "link")
      .texts(Packet::rename, "f", "g")
      .text(Packet::remove, "link");
  requests.extension("statvfs@openssh.com", ByteWriter().string("/"));
  requests.extension("fstatvfs@openssh.com", ByteWriter().string(second));
  requests.extension("posix-rename@openssh.com", ByteWriter().string("g").string("f"));
  requests.extension("hardlink@openssh.com", ByteWriter().string("f").string("h"));
  requests.extension("fsync@openssh.com", ByteWriter().string(first)).extension("limits@openssh.com");
  requests.extension("lsetstat@openssh.com", ByteWriter().string("h").u32(attr_permissions).u32(0600));
  requests.extension("expand-path@openssh.com", ByteWriter().string("~/x"));
  requests.extension("home-directory", ByteWriter().string("anna"));
  requests.extension("users-groups-by-id@openssh.com",
                     ByteWriter().string(ByteWriter().u32(1001).data()).string(ByteWriter().u32(5).data()));
  requests.open("copy", open_write | open_create);
  requests.extension("copy-data", ByteWriter().string(first).u64(0).u64(10).string(handle_name(2)).u64(3));
  requests.close(second).close(first).close(handle_name(2));
  return requests;
}

void survive(ByteSpan bytes, ChannelShape shape, bool waits) {
  FakeSession session;
  session.add_directory("/d");
  session.storage.waits = waits;
  FakeChannel channel(bytes, shape);
  serve(channel, session, {.max_handles = 8});
  EXPECT_EQ(session.storage.open_handles, 0U);
  EXPECT_GE(channel.exit_status, 0);
  take_apart(channel.output, false);
}

TEST(Hostile, TheStreamItselfIsAnsweredWell) {
  FakeSession session;
  session.add_directory("/d");
  const Outcome result = run(valid_stream(), session);
  EXPECT_EQ(result.replies.size(), 34U);
  for (const Reply& reply : result.replies) EXPECT_LE(reply.status(), 1) << reply.id << " " << reply.text();
  EXPECT_EQ(session.storage.closed, 2);
}

TEST(Hostile, EveryTruncation) {
  const Bytes bytes = valid_stream().bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) survive(ByteSpan(bytes).first(size), {}, size % 2 == 0);
}

TEST(Hostile, Mutations) {
  const Bytes bytes = valid_stream().bytes();
  std::mt19937 random(20240229);
  const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random()) % limit; };
  for (int round = 0; round < 20'000; ++round) {
    Bytes changed = bytes;
    for (std::size_t n = 1 + below(4); n > 0; --n) {
      const std::size_t at = 9 + below(changed.size() - 9);
      switch (below(5)) {
        case 0: changed[at] = static_cast<std::byte>(random()); break;
        case 1: changed[at] ^= static_cast<std::byte>(1U << below(8)); break;
        case 2: changed[at] = std::byte{0xff}; break;
        case 3: changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(at)); break;
        default: changed.insert(changed.begin() + static_cast<std::ptrdiff_t>(at), static_cast<std::byte>(random()));
      }
    }
    const ChannelShape shape{.portion = 1 + below(500),
                             .fragment = 1 + below(200),
                             .packet = 1 + below(300),
                             .window = below(3) == 0 ? 1 + below(400) : ChannelShape::unlimited};
    survive(changed, shape, below(2) == 0);
    if (HasFailure()) FAIL() << "round " << round;
  }
}

}  // namespace
}  // namespace ferry::test
