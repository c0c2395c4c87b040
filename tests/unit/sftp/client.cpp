#include "tests/unit/sftp/client.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace ferry::test {

std::string handle_name(std::uint32_t slot, std::uint32_t generation) {
  return std::string(as_text(ByteWriter().u32(slot).u32(generation).data()));
}

Requests::Requests(bool with_init) {
  if (with_init) out_.u32(5).u8(1).u32(3);
}

Requests& Requests::add(Packet type, const ByteWriter& fields) {
  out_.u32(static_cast<std::uint32_t>(5 + fields.size())).u8(static_cast<std::uint8_t>(type)).u32(next_id_++);
  out_.bytes(fields.data());
  return *this;
}

Requests& Requests::raw(ByteSpan bytes) {
  out_.bytes(bytes);
  return *this;
}

Requests& Requests::text(Packet type, std::string_view one) { return add(type, ByteWriter().string(one)); }

Requests& Requests::texts(Packet type, std::string_view one, std::string_view two) {
  return add(type, ByteWriter().string(one).string(two));
}

Requests& Requests::open(std::string_view path, std::uint32_t flags) {
  return add(Packet::open, ByteWriter().string(path).u32(flags).u32(0));
}

Requests& Requests::open(std::string_view path, std::uint32_t flags, std::uint32_t mode) {
  return add(Packet::open, ByteWriter().string(path).u32(flags).u32(sftp::attr_permissions).u32(mode));
}

Requests& Requests::read(std::string_view handle, std::uint64_t offset, std::uint32_t count) {
  return add(Packet::read, ByteWriter().string(handle).u64(offset).u32(count));
}

Requests& Requests::write(std::string_view handle, std::uint64_t offset, std::string_view data) {
  return add(Packet::write, ByteWriter().string(handle).u64(offset).string(data));
}

Requests& Requests::extension(std::string_view name, const ByteWriter& fields) {
  return add(Packet::extended, ByteWriter().string(name).bytes(fields.data()));
}

int Reply::status() const { return type == Packet::status ? static_cast<int>(reader().u32()) : -1; }

std::string Reply::text() const {
  ByteReader in = reader();
  in.u32();
  return type == Packet::status ? std::string(in.string()) : std::string();
}

std::string Reply::data() const {
  ByteReader in = reader();
  std::string data(in.string());
  return type == Packet::data && in.done() ? data : "not a DATA reply";
}

std::vector<Reply> take_apart(ByteSpan output, bool with_version) {
  std::vector<Reply> replies;
  ByteReader in(output);
  while (!in.rest().empty()) {
    ByteReader packet(in.blob());
    Reply reply;
    reply.type = static_cast<Packet>(packet.u8());
    reply.id = packet.u32();
    reply.fields = Bytes(packet.rest().begin(), packet.rest().end());
    EXPECT_TRUE(in.ok() && packet.ok()) << "the server's output is not a sequence of packets";
    if (!in.ok()) return replies;
    replies.push_back(std::move(reply));
  }
  if (!with_version) return replies;
  if (replies.empty() || replies[0].type != Packet::version) {
    ADD_FAILURE() << "no VERSION";
    return replies;
  }
  EXPECT_EQ(replies[0].id, 3U);
  replies.erase(replies.begin());
  return replies;
}

void serve(FakeChannel& channel, FakeSession& session, sftp::Options options) {
  asio::io_context context;
  std::exception_ptr failure;
  asio::co_spawn(context, sftp::serve(channel, session, options), [&](std::exception_ptr error) { failure = error; });
  context.run();
  if (failure) std::rethrow_exception(failure);
}

Outcome run(const Requests& requests, FakeSession& session, ChannelShape shape, sftp::Options options) {
  Outcome result;
  result.channel = std::make_unique<FakeChannel>(requests.bytes(), shape);
  serve(*result.channel, session, options);
  result.replies = take_apart(result.channel->output);
  return result;
}

std::vector<std::string> names_of(const Reply& reply) {
  std::vector<std::string> names;
  if (reply.type != Packet::name) return names;
  ByteReader in = reply.reader();
  const std::uint32_t count = in.u32();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    names.emplace_back(in.string());
    in.string();
    const std::uint32_t flags = in.u32();
    if (flags & sftp::attr_size) in.u64();
    if (flags & sftp::attr_uid_gid) in.u64();
    if (flags & sftp::attr_permissions) in.u32();
    if (flags & sftp::attr_times) in.u64();
  }
  EXPECT_TRUE(in.done());
  return names;
}

}  // namespace ferry::test
