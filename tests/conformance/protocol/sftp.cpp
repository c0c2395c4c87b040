#include "tests/conformance/protocol/suite.h"
#include "tests/support/run.h"
#include "tests/unit/sftp/client.h"

namespace ferry::conformance {
namespace {

using sftp::Packet;
using test::Reply, test::Requests, test::handle_name;

constexpr std::size_t piece = 32768;

Outcome outcome_of(const Reply& reply) {
  switch (reply.status()) {
    case -1:
    case 0:
    case 1: return Outcome::done;  // no STATUS, OK, end of file
    case 2: return Outcome::no_such_file;
    case 3: return Outcome::denied;
    default: break;
  }
  if (reply.text() == "already exists") return Outcome::exists;
  return reply.text() == "quota exceeded" ? Outcome::quota : Outcome::failure;
}

std::vector<Reply> converse(session::Session& session, ByteSpan bytes) {
  test::FakeChannel channel(bytes);
  test::run(sftp::serve(channel, session, {}));
  return test::take_apart(channel.output);
}

// The first refusal. Requests that were not answered: failure.
Outcome outcome_of(const std::vector<Reply>& replies, std::size_t expected) {
  for (const Reply& reply : replies) {
    if (outcome_of(reply) != Outcome::done) return outcome_of(reply);
  }
  return replies.size() == expected ? Outcome::done : Outcome::failure;
}

Outcome ask(session::Session& session, const Requests& request) {
  return outcome_of(converse(session, request.bytes()), 1);
}

class Sftp : public Protocol {
 public:
  std::string name() const override { return "SFTP"; }

  Outcome put(session::Session& session, std::string_view path, std::string_view bytes,
              std::size_t cut_after) const override {
    Requests requests;
    requests.open(path, sftp::open_write | sftp::open_create | sftp::open_truncate);
    return write(session, requests, 0, bytes, cut_after);
  }
  Outcome resume(session::Session& session, std::string_view path, std::size_t offset,
                 std::string_view bytes) const override {
    Requests requests;
    requests.open(path, sftp::open_write);
    return write(session, requests, offset, bytes, all);
  }
  std::pair<Outcome, std::string> get(session::Session& session, std::string_view path) const override {
    Requests requests;
    requests.open(path, sftp::open_read);
    constexpr std::size_t reads = 12;
    for (std::size_t i = 0; i < reads; ++i) requests.read(handle_name(0), i * piece, piece);
    requests.close(handle_name(0));
    const std::vector<Reply> replies = converse(session, requests.bytes());
    std::string bytes;
    bool at_end = false;
    for (const Reply& reply : replies) {
      if (reply.type == Packet::data) bytes += reply.data();
      at_end = at_end || reply.status() == 1;
    }
    const Outcome outcome = outcome_of(replies, reads + 2);
    if (outcome == Outcome::done) {
      EXPECT_TRUE(at_end) << "the file is longer than this client reads";
    }
    return {outcome, std::move(bytes)};
  }
  std::pair<Outcome, std::vector<std::string>> list(session::Session& session, std::string_view path) const override {
    Requests requests;
    requests.text(Packet::opendir, path);
    for (int i = 0; i < 3; ++i) requests.text(Packet::readdir, handle_name(0));
    const std::vector<Reply> replies = converse(session, requests.bytes());
    std::vector<std::string> names;
    for (const Reply& reply : replies) {
      for (std::string& name : test::names_of(reply)) {
        if (name != "." && name != "..") names.push_back(std::move(name));
      }
    }
    std::ranges::sort(names);
    return {outcome_of(replies, 4), std::move(names)};
  }
  Outcome stat(session::Session& session, std::string_view path) const override {
    return ask(session, Requests().text(Packet::stat, path));
  }
  Outcome make_directory(session::Session& session, std::string_view path) const override {
    return ask(session, Requests().add(Packet::mkdir, ByteWriter().string(path).u32(0)));
  }
  Outcome remove(session::Session& session, std::string_view path) const override {
    return ask(session, Requests().text(Packet::remove, path));
  }
  Outcome rename(session::Session& session, std::string_view from, std::string_view to) const override {
    return ask(session, Requests().texts(Packet::rename, from, to));
  }

 private:
  // `requests` open the file.
  static Outcome write(session::Session& session, Requests& requests, std::size_t offset, std::string_view bytes,
                       std::size_t cut_after) {
    std::size_t expected = 2;
    for (std::size_t at = 0; at < bytes.size(); at += piece, ++expected) {
      const std::string_view data = bytes.substr(at, piece);
      const std::size_t before = requests.bytes().size();
      requests.write(handle_name(0), offset + at, data);
      if (cut_after >= at + data.size()) continue;
      const std::size_t head = requests.bytes().size() - before - data.size();
      const std::size_t sent = before + head + (cut_after - at);
      return outcome_of(converse(session, ByteSpan(requests.bytes()).first(sent)), expected + 1);
    }
    if (cut_after == all) requests.close(handle_name(0));
    return outcome_of(converse(session, requests.bytes()), expected);
  }
};

const Sftp sftp_protocol;

INSTANTIATE_TEST_SUITE_P(Sftp, ProtocolTest, testing::Values(&sftp_protocol), name_of_protocol);

}  // namespace
}  // namespace ferry::conformance
