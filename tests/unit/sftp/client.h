// Speaks the client's side: composes a stream of requests, runs the server over it, takes the replies apart.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocols/sftp/protocol.h"
#include "protocols/sftp/sftp.h"
#include "tests/unit/sftp/fake_channel.h"
#include "tests/unit/sftp/fake_session.h"

namespace ferry::test {

using sftp::Packet;
using sftp::Status;

// The handle the server gives out: deterministic, so that a stream can be composed beforehand.
std::string handle_name(std::uint32_t slot, std::uint32_t generation = 0);

// Composes requests; ids count from 1.
class Requests {
 public:
  explicit Requests(bool with_init = true);

  Requests& add(Packet type, const ByteWriter& fields);
  Requests& raw(ByteSpan bytes);
  // Requests of one string or two.
  Requests& text(Packet type, std::string_view one);
  Requests& texts(Packet type, std::string_view one, std::string_view two);
  Requests& open(std::string_view path, std::uint32_t flags);
  Requests& open(std::string_view path, std::uint32_t flags, std::uint32_t mode);
  Requests& close(std::string_view handle) { return text(Packet::close, handle); }
  Requests& read(std::string_view handle, std::uint64_t offset, std::uint32_t count);
  Requests& write(std::string_view handle, std::uint64_t offset, std::string_view data);
  // `fields` follow the name.
  Requests& extension(std::string_view name, const ByteWriter& fields = {});

  const Bytes& bytes() const { return out_.data(); }

 private:
  ByteWriter out_;
  std::uint32_t next_id_ = 1;
};

struct Reply {
  Packet type{};
  std::uint32_t id = 0;
  Bytes fields;  // behind the id

  ByteReader reader() const { return ByteReader(fields); }
  // Of a STATUS; -1 for another reply.
  int status() const;
  std::string text() const;  // of a STATUS
  std::string data() const;  // of a DATA
};

// The first reply must be VERSION 3; it is left out of what take_apart answers.
std::vector<Reply> take_apart(ByteSpan output, bool with_version = true);

struct Outcome {
  std::unique_ptr<FakeChannel> channel;
  std::vector<Reply> replies;
};
void serve(FakeChannel& channel, FakeSession& session, sftp::Options options = {});
Outcome run(const Requests& requests, FakeSession& session, ChannelShape shape = {}, sftp::Options options = {});

// Names of a NAME reply.
std::vector<std::string> names_of(const Reply& reply);

}  // namespace ferry::test
