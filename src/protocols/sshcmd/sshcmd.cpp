#include "protocols/sshcmd/sshcmd.h"

#include <fmt/format.h>

#include <array>

#include "base/error_text.h"
#include "protocols/sshcmd/commands.h"

namespace ferry::sshcmd {

namespace {

constexpr std::array table{
    CommandRow{"md5sum", "", md5sum},
    CommandRow{"sha1sum", "", sha1sum},
    CommandRow{"sha256sum", "", sha256sum},
    CommandRow{"sha384sum", "", sha384sum},
    CommandRow{"sha512sum", "", sha512sum},
    CommandRow{"cd", "", change_directory},
    CommandRow{"pwd", "", print_directory},
    CommandRow{"sftpgo-copy", "ferry-copy", copy},
    CommandRow{"sftpgo-remove", "ferry-remove", remove},
    CommandRow{"git-receive-pack", "", git},
    CommandRow{"git-upload-pack", "", git},
    CommandRow{"git-upload-archive", "", git},
    CommandRow{"rsync", "", rsync},
};

constexpr int failed = 1, usage_error = 2;

// What the command works on: up to two paths; of rsync's words only the last ones are no options.
std::vector<VirtualPath> paths_of(const Invocation& call) {
  std::vector<VirtualPath> paths;
  const bool last_only = call.name() == "rsync" && call.words.size() > 1;
  for (const Word& word : last_only ? call.words.last(1) : call.words.subspan(1)) {
    if (word.text.starts_with('-') || paths.size() == 2) continue;
    if (Result<VirtualPath> path = call.path(word)) paths.push_back(std::move(*path));
  }
  return paths;
}

}  // namespace

const CommandRow* find_command(std::string_view word) {
  for (const CommandRow& row : table) {
    if (!word.empty() && (row.name == word || row.alias == word)) return &row;
  }
  return nullptr;
}

std::vector<std::string_view> commands() {
  std::vector<std::string_view> names;
  for (const CommandRow& row : table) names.push_back(row.name);
  return names;
}

std::string_view command_name(std::string_view word) {
  const CommandRow* row = find_command(word);
  return row ? row->name : std::string_view();
}

Result<VirtualPath> Invocation::path(const Word& word) const { return path_of(word, session.start_directory()); }

Task<void> Invocation::print(std::string text) const {
  const Result<void> sent = co_await channel.write(as_bytes(text));
  if (!sent) co_return;  // the client is gone, which the next wait for it tells
}

Task<void> Invocation::complain(std::string text) const {
  std::string line = fmt::format("{}: {}", name(), text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ') c = '?';
  }
  line += '\n';
  const Result<void> sent = co_await channel.write_stderr(as_bytes(line));
  if (!sent) co_return;
}

Task<void> Invocation::complain(const Word& about, const Error& error) const {
  co_await complain(fmt::format("{}: {}", about.text, shell_text(error.code)));
}

Task<void> serve(ssh::Channel& channel, session::Session& session, std::span<const Word> words) {
  const Invocation call{channel, session, words};
  const CommandRow* row = words.empty() ? nullptr : find_command(words.front().text);
  int status = usage_error;
  if (row) {
    status = co_await row->run(call);
    const Result<void> told = co_await session.command_ended(std::string(row->name), paths_of(call), status == 0);
    if (!told && status == 0) status = failed;
  }
  channel.flush();
  channel.send_exit_status(static_cast<std::uint32_t>(status));
}

}  // namespace ferry::sshcmd
