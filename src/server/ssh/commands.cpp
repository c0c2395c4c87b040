#include "server/ssh/commands.h"

#include <algorithm>

#include "base/command_line.h"
#include "base/log.h"
#include "protocols/scp/scp.h"
#include "protocols/sshcmd/sshcmd.h"

namespace ferry::server {

namespace {

constexpr std::string_view scp_name = "scp";
// What shells answer.
constexpr std::uint32_t cannot_run = 126, not_found = 127;

std::vector<std::string_view> all_commands() {
  std::vector<std::string_view> names = sshcmd::commands();
  names.push_back(scp_name);
  return names;
}

// Empty: no such command.
std::string_view enabling_name(std::string_view word) {
  return word == scp_name ? scp_name : sshcmd::command_name(word);
}

Task<void> refuse(ssh::Channel& channel, std::string text, std::uint32_t status) {
  text += '\n';
  const Result<void> sent = co_await channel.write_stderr(as_bytes(text));
  if (sent) channel.flush();
  channel.send_exit_status(status);
}

}  // namespace

std::vector<std::string> enabled_commands(const std::vector<std::string>& configured,
                                          std::vector<std::string>& warnings) {
  std::vector<std::string> enabled;
  const auto enable = [&enabled](std::string_view name) {
    if (std::ranges::find(enabled, name) == enabled.end()) enabled.emplace_back(name);
  };
  for (const std::string& word : configured) {
    if (word == "*") {
      for (const std::string_view name : all_commands()) enable(name);
    } else if (const std::string_view name = enabling_name(word); !name.empty()) {
      enable(name);
    } else {
      warnings.push_back("sftpd.enabled_ssh_commands: " + word + " is not supported, ignored");
    }
  }
  return enabled;
}

Task<void> serve_command(ssh::Channel& channel, SessionScope& scope, std::vector<std::string> enabled,
                         std::string line) {
  const Result<std::vector<Word>> words = split_command_line(line);
  const std::string_view name = words && !words->empty() ? enabling_name(words->front().text) : std::string_view();
  if (name.empty() || std::ranges::find(enabled, name) == enabled.end()) {
    log::info("sftpd", scope.id(), "command refused: {}", line.substr(0, 200));
    std::string why = words ? "ferry: this command is not available here" : "ferry: " + words.error().message;
    co_await refuse(channel, std::move(why), not_found);
    co_return;
  }
  const std::string protocol = name == scp_name ? "SCP" : "SSH";
  SessionScope::Request request{.protocol = protocol, .command = line, .gone = [&channel] { return channel.closed(); }};
  auto opened = co_await scope.open(std::move(request));
  if (!opened) {
    co_await refuse(channel, "ferry: no session", cannot_run);
    co_return;
  }
  if (name == scp_name) {
    co_await scp::serve(channel, **opened, *words);
  } else {
    co_await sshcmd::serve(channel, **opened, *words);
  }
}

}  // namespace ferry::server
