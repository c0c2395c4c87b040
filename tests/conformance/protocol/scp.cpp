#include "protocols/scp/scp.h"

#include <fmt/format.h>

#include <charconv>

#include "tests/conformance/protocol/suite.h"
#include "tests/support/run.h"
#include "tests/unit/sftp/fake_channel.h"

namespace ferry::conformance {
namespace {

std::string quoted(std::string_view path) {
  std::string text = "'";
  for (const char c : path) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

// The first answer or line of `output` that tells an error decides. Data of a file must not be in it.
Outcome outcome_of(std::string_view output, int status) {
  const std::size_t told = output.find_first_of("\1\2");
  if (told == std::string_view::npos) return status == 0 ? Outcome::done : Outcome::failure;
  EXPECT_EQ(status, 1) << "an error was told, and the command succeeded";
  const std::string_view line = output.substr(told, output.find('\n', told) - told);
  if (line.ends_with(": No such file or directory")) return Outcome::no_such_file;
  if (line.ends_with(": Permission denied")) return Outcome::denied;
  if (line.ends_with(": File exists")) return Outcome::exists;
  return line.ends_with(": Disk quota exceeded") ? Outcome::quota : Outcome::failure;
}

struct Conversation {
  int status = -1;
  std::string output;
};

Conversation converse(session::Session& session, const std::string& line, std::string_view sent) {
  test::FakeChannel channel(as_bytes(sent));
  const auto words = split_command_line(line);
  if (!words) return {};
  test::run(scp::serve(channel, session, *words));
  return {channel.exit_status, std::string(as_text(channel.output))};
}

class Scp : public Protocol {
 public:
  std::string name() const override { return "SCP"; }
  Abilities abilities() const override {
    return {.lists = false,
            .stats = false,
            .makes_directories = false,
            .removes = false,
            .renames = false,
            .resumes = false,
            .downloads_need_list = true,
            .slash_means_directory = true,
            .sends_line_breaks = false};
  }

  Outcome put(session::Session& session, std::string_view path, std::string_view bytes,
              std::size_t cut_after) const override {
    // The name in the control line counts only where the path is a directory.
    std::string sent = fmt::format("C0644 {} sent\n", bytes.size());
    sent += bytes.substr(0, cut_after);
    if (cut_after == all) sent += '\0';
    const Conversation result = converse(session, "scp -t -- " + quoted(path), sent);
    return outcome_of(result.output, result.status);
  }

  std::pair<Outcome, std::string> get(session::Session& session, std::string_view path) const override {
    const Conversation result = converse(session, "scp -f -- " + quoted(path), std::string_view("\0\0\0", 3));
    const std::string_view output = result.output;
    if (!output.starts_with('C')) return {outcome_of(output, result.status), {}};
    const std::size_t size_at = output.find(' ') + 1, end = output.find('\n');
    std::size_t size = 0;
    std::from_chars(output.data() + size_at, output.data() + end, size);
    const std::string_view after = output.substr(std::min(output.size(), end + 1 + size));
    return {outcome_of(after, result.status), std::string(output.substr(end + 1, size))};
  }
};

const Scp scp_protocol;

INSTANTIATE_TEST_SUITE_P(Scp, ProtocolTest, testing::Values(&scp_protocol), name_of_protocol);

}  // namespace
}  // namespace ferry::conformance
