// The codec of the SFTP client: what requests look like, and what of a server's replies is believed.
#include <gtest/gtest.h>

#include "vfs/sftp/packets.h"
#include "vfs/sftp/transport.h"

namespace ferry::vfs::sftp {
namespace {

Reply reply_of(Packet type, const ByteWriter& fields) {
  Reply reply;
  reply.type = type;
  reply.size = fields.size();
  reply.storage = std::make_unique<std::byte[]>(fields.size());
  std::ranges::copy(fields.data(), reply.storage.get());
  return reply;
}

Reply status(std::uint32_t code) {
  ByteWriter fields;
  fields.u32(code).string("text").string("");
  return reply_of(Packet::status, fields);
}

ErrorCode code_of(std::uint32_t code) { return read_status(status(code), "x").error().code; }

TEST(SftpPackets, RequestsAreFramedAndCarryTheirId) {
  Request request = Request::path(Packet::lstat, "/a");
  request.set_id(0x01020304);
  const std::string expected("\0\0\0\x0b\x07\x01\x02\x03\x04\0\0\0\x02/a", 15);
  EXPECT_EQ(as_text(request.bytes()), expected);
  std::string first = "he", second = "llo";
  const iovec pieces[] = {{first.data(), 2}, {second.data(), 3}};
  Request write = Request::write("H", 7, pieces);
  ByteReader in(write.bytes());
  EXPECT_EQ(in.u32(), write.bytes().size() - 4);
  EXPECT_EQ(in.u8(), static_cast<std::uint8_t>(Packet::write));
  in.u32();
  EXPECT_EQ(in.string(), "H");
  EXPECT_EQ(in.u64(), 7U);
  EXPECT_EQ(in.string(), "hello");
  EXPECT_TRUE(in.done());
}

TEST(SftpPackets, SymlinksInBothOrders) {
  const Request draft = Request::symlink("/link", "target", false), openssh = Request::symlink("/link", "target", true);
  ByteReader in(ByteSpan(draft.bytes()).subspan(9));
  EXPECT_EQ(in.string(), "/link");
  EXPECT_EQ(in.string(), "target");
  in = ByteReader(ByteSpan(openssh.bytes()).subspan(9));
  EXPECT_EQ(in.string(), "target");
  EXPECT_EQ(in.string(), "/link");
}

TEST(SftpPackets, TimesAreBroughtIntoTheirRange) {
  const FileTime before{-5, 0}, far{std::int64_t{1} << 40, 0};
  const Request request = Request::set_attributes("/a", {.times = {{before, far}}});
  ByteReader in(ByteSpan(request.bytes()).subspan(9));
  in.string();
  EXPECT_EQ(in.u32(), attr_times);
  EXPECT_EQ(in.u32(), 0U);
  EXPECT_EQ(in.u32(), 0xffffffffU);
}

TEST(SftpPackets, StatusesBecomeErrors) {
  EXPECT_TRUE(read_status(status(0), "x"));
  EXPECT_EQ(code_of(2), ErrorCode::not_found);
  EXPECT_EQ(code_of(3), ErrorCode::permission_denied);
  EXPECT_EQ(code_of(4), ErrorCode::io_error);
  EXPECT_EQ(code_of(7), ErrorCode::connection_lost);
  EXPECT_EQ(code_of(8), ErrorCode::unsupported);
  EXPECT_EQ(code_of(11), ErrorCode::already_exists);
  EXPECT_EQ(code_of(14), ErrorCode::storage_full);
  EXPECT_EQ(code_of(18), ErrorCode::directory_not_empty);
  EXPECT_EQ(code_of(4'000'000'000), ErrorCode::io_error);
  // Success where a handle should come, or no status at all, is no success.
  EXPECT_EQ(read_handle(status(0), "x").error().code, ErrorCode::protocol_error);
  EXPECT_EQ(read_status(reply_of(Packet::data, ByteWriter()), "x").error().code, ErrorCode::protocol_error);
  EXPECT_EQ(read_status(reply_of(Packet::status, ByteWriter()), "x").error().code, ErrorCode::protocol_error);
}

TEST(SftpPackets, RepliesThatBreakOffAreRefused) {
  ByteWriter names;
  names.u32(1).string("f").string("-rw-r--r--").u32(attr_size | attr_permissions).u64(5).u32(0100644);
  const auto whole = read_names(reply_of(Packet::name, names), "x");
  ASSERT_TRUE(whole && *whole);
  EXPECT_EQ((**whole)[0].info.size, 5U);
  for (std::size_t size = 0; size < names.size(); ++size) {
    ByteWriter cut;
    cut.bytes(ByteSpan(names.data()).first(size));
    EXPECT_FALSE(read_names(reply_of(Packet::name, cut), "x")) << size;
  }
  ByteWriter many;
  many.u32(0xffffffff);
  EXPECT_FALSE(read_names(reply_of(Packet::name, many), "x"));
  ByteWriter handle;
  handle.string(std::string(most_handle + 1, 'h'));
  EXPECT_FALSE(read_handle(reply_of(Packet::handle, handle), "x"));
}

TEST(SftpPackets, DataEndsByStatusOrByNothing) {
  ByteWriter data, none;
  data.string("hello");
  none.string("");
  EXPECT_EQ(as_text(**read_data(reply_of(Packet::data, data), "x")), "hello");
  EXPECT_EQ(read_data(reply_of(Packet::data, none), "x").error().code, ErrorCode::protocol_error);
  EXPECT_FALSE(*read_data(status(1), "x"));
  EXPECT_FALSE(read_data(status(4), "x"));
}

TEST(SftpPackets, LimitsAreBounded) {
  const auto limits = [](std::uint64_t read, std::uint64_t write) {
    ByteWriter fields;
    fields.u64(0).u64(read).u64(write).u64(0);
    return read_limits(reply_of(Packet::extended_reply, fields));
  };
  EXPECT_EQ(limits(~0ULL, ~0ULL).read, most_transfer);
  EXPECT_EQ(limits(~0ULL, ~0ULL).write, most_transfer);
  EXPECT_EQ(limits(0, 1).read, plain_transfer);
  EXPECT_EQ(limits(0, 1).write, plain_transfer);
  EXPECT_EQ(limits(65536, 8192).write, 8192U);
  EXPECT_EQ(read_limits(status(8)).read, plain_transfer);
}

TEST(SftpPackets, OnlyVersionThreeWithWhatItOffers) {
  ByteWriter good, two, cut;
  good.u32(3).string("posix-rename@openssh.com").string("1").string("statvfs@openssh.com").string("1");
  const auto found = read_version(good.data());
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->posix_rename);
  EXPECT_FALSE(found->space) << "another version of it";
  EXPECT_FALSE(read_version(two.u32(2).data()));
  EXPECT_FALSE(read_version(cut.u32(3).string("name").data()));
}

TEST(SftpEndpoint, HostsAndPorts) {
  const auto endpoint = [](std::string_view text) {
    const auto found = parse_endpoint(text);
    return found ? found->host + " " + std::to_string(found->port) : "";
  };
  EXPECT_EQ(endpoint("h"), "h 22");
  EXPECT_EQ(endpoint("h:2022"), "h 2022");
  EXPECT_EQ(endpoint("[::1]:2022"), "::1 2022");
  EXPECT_EQ(endpoint("[::1]"), "::1 22");
  EXPECT_EQ(endpoint("::1"), "::1 22");
  for (const char* wrong : {"", ":22", "h:", "h:0", "h:65536", "h:22x", "[::1", "[]:22", "[::1]22"}) {
    EXPECT_EQ(endpoint(wrong), "") << wrong;
  }
}

}  // namespace
}  // namespace ferry::vfs::sftp
