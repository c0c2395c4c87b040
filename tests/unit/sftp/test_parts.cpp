// The pieces that need no conversation: fragments, status, attributes, long names, handles.
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "protocols/sftp/attributes.h"
#include "protocols/sftp/fragments.h"
#include "protocols/sftp/handles.h"
#include "protocols/sftp/long_name.h"
#include "protocols/sftp/protocol.h"
#include "protocols/sftp/status.h"

namespace ferry::test {
namespace {

using namespace sftp;

TEST(Fragments, WalkOverEveryBorder) {
  const Bytes all = to_bytes("abcdefghij");
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    const ByteSpan whole(all);
    const ByteSpan fragments[] = {{}, whole.first(cut), {}, whole.subspan(cut), {}};
    FragmentCursor cursor{std::span<const ByteSpan>(fragments)};
    std::byte three[3];
    ASSERT_TRUE(cursor.read(three));
    EXPECT_EQ(as_text(three), "abc");
    const bool together = cut <= 3 || cut >= 6;
    EXPECT_EQ(as_text(cursor.contiguous(3)), together ? "def" : "");
    std::vector<iovec> pieces;
    ASSERT_TRUE(cursor.pieces(6, pieces));
    std::string text;
    for (const iovec& piece : pieces) {
      EXPECT_GT(piece.iov_len, 0U);
      text.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    }
    EXPECT_EQ(text, "defghi");
    EXPECT_TRUE(cursor.skip(1));
    EXPECT_FALSE(cursor.skip(1));
    EXPECT_FALSE(cursor.read(three));
    EXPECT_TRUE(cursor.contiguous(1).empty());
  }
}

TEST(StatusCodes, OfErrors) {
  EXPECT_EQ(status_of(ErrorCode::not_found), Status::no_such_file);
  EXPECT_EQ(status_of(ErrorCode::not_a_directory), Status::no_such_file);
  EXPECT_EQ(status_of(ErrorCode::permission_denied), Status::permission_denied);
  EXPECT_EQ(status_of(ErrorCode::unsupported), Status::op_unsupported);
  EXPECT_EQ(status_of(ErrorCode::protocol_error), Status::bad_message);
  for (const ErrorCode code : {ErrorCode::already_exists, ErrorCode::is_a_directory, ErrorCode::directory_not_empty,
                               ErrorCode::invalid_argument, ErrorCode::quota_exceeded, ErrorCode::storage_full,
                               ErrorCode::limit_exceeded, ErrorCode::connection_lost, ErrorCode::internal}) {
    EXPECT_EQ(status_of(code), Status::failure);
    EXPECT_EQ(status_text(code), to_string(code));
  }
  EXPECT_EQ(status_text(ErrorCode::not_found), "No such file");
}

TEST(Attributes, Layout) {
  vfs::FileInfo info;
  info.mode = 0640;
  info.uid = 1;
  info.gid = 2;
  info.size = 0x0102030405060708;
  info.accessed.seconds = -5;
  info.modified.seconds = 0x1'0000'0001;
  ByteWriter out;
  write_attributes(out, info);
  const ByteWriter expected =
      ByteWriter().u32(15).u64(0x0102030405060708).u32(1).u32(2).u32(0100640).u32(0).u32(0xffffffff);
  EXPECT_EQ(out.data(), expected.data());
}

TEST(Attributes, EveryCombinationOfFields) {
  for (std::uint32_t flags = 0; flags < 16; ++flags) {
    ByteWriter out;
    out.u32(flags | attr_extended);
    if (flags & attr_size) out.u64(7);
    if (flags & attr_uid_gid) out.u32(8).u32(9);
    if (flags & attr_permissions) out.u32(0100755);
    if (flags & attr_times) out.u32(10).u32(11);
    out.u32(2).string("a@b").string("c").string("").string("");
    ByteReader in(out.data());
    const vfs::AttributeChange change = read_attributes(in);
    ASSERT_TRUE(in.done());
    ASSERT_EQ(change.size.has_value(), (flags & attr_size) != 0);
    ASSERT_EQ(change.owner.has_value(), (flags & attr_uid_gid) != 0);
    ASSERT_EQ(change.mode.has_value(), (flags & attr_permissions) != 0);
    ASSERT_EQ(change.times.has_value(), (flags & attr_times) != 0);
    EXPECT_EQ(change.size.value_or(7), 7U);
    EXPECT_EQ(change.owner.value_or(vfs::AttributeChange::Owner{8, 9}).gid, 9U);
    EXPECT_EQ(change.mode.value_or(0755), 0755U);
    EXPECT_TRUE(!change.times || change.times->modified.seconds == 11);
    for (std::size_t cut = 0; cut < out.size(); ++cut) {
      ByteReader shortened(ByteSpan(out.data()).first(cut));
      read_attributes(shortened);
      EXPECT_FALSE(shortened.ok()) << flags << " " << cut;
    }
  }
}

std::string long_name(std::string_view name, const vfs::FileInfo& info, std::int64_t now) {
  std::string out;
  append_long_name(out, name, info, now);
  return out;
}

TEST(LongName, AsLs) {
  setenv("TZ", "UTC", 1);
  tzset();
  const std::int64_t now = 1'700'000'000;  // 14 November 2023, 22:13:20
  vfs::FileInfo info;
  info.mode = 0644;
  info.uid = 1000;
  info.gid = 100;
  info.size = 4096;
  info.modified.seconds = now - 60;
  EXPECT_EQ(long_name("a b", info, now), "-rw-r--r--   1 1000     100          4096 Nov 14 22:12 a b");
  info.modified.seconds = 86400;
  info.type = vfs::FileType::directory;
  info.mode = 01777;
  info.links = 12;
  EXPECT_EQ(long_name("d", info, now), "drwxrwxrwt  12 1000     100          4096 Jan  2  1970 d");
  info.type = vfs::FileType::symlink;
  info.mode = 06711;
  info.modified.seconds = now + 300LL * 86400;
  info.size = 123456789012;
  info.uid = 4294967295;
  EXPECT_EQ(long_name("l\n\x7f", info, now), "lrws--s--x  12 4294967295 100      123456789012 Sep  9  2024 l??");
  info.mode = 07000;
  EXPECT_TRUE(long_name("s", info, now).starts_with("l--S--S--T"));
  info.modified.seconds = std::numeric_limits<std::int64_t>::max();  // a year that no calendar has
  EXPECT_NE(long_name("x", info, now).find("Jan  1  1970 x"), std::string::npos);
}

TEST(HandleTable, GivesAndTakes) {
  Handles handles(2);
  const Bytes first = handles.add({});
  const Bytes second = handles.add({});
  EXPECT_TRUE(handles.full());
  EXPECT_NE(first, second);
  EXPECT_EQ(first.size(), Handles::handle_size);
  EXPECT_NE(handles.find(first), nullptr);
  EXPECT_EQ(handles.find_file(first), nullptr);
  EXPECT_TRUE(handles.remove(first));
  EXPECT_EQ(handles.find(first), nullptr);
  EXPECT_FALSE(handles.remove(first));
  const Bytes third = handles.add({});
  EXPECT_NE(first, third);
  EXPECT_EQ(handles.find(first), nullptr);
  EXPECT_EQ(handles.find(to_bytes("")), nullptr);
  EXPECT_EQ(handles.find(to_bytes("1234567")), nullptr);
  EXPECT_EQ(handles.find(to_bytes("\xff\xff\xff\xff\xff\xff\xff\xff")), nullptr);
  EXPECT_TRUE(handles.remove_any());
  EXPECT_TRUE(handles.remove_any());
  EXPECT_FALSE(handles.remove_any());
  EXPECT_EQ(handles.size(), 0U);
}

}  // namespace
}  // namespace ferry::test
