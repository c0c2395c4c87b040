// Commands that clients run over SSH (RFC 4254 section 6.5): digests, a working directory, server-side copy and
// remove. No shell is behind them and no program of the system is run for these.
//
//   if (sshcmd::is_command(words[0].text)) co_await sshcmd::serve(channel, session, words);
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/command_line.h"
#include "base/task.h"
#include "session/session.h"
#include "ssh/channel/channel.h"

namespace ferry::sshcmd {

// The names that `enabled_ssh_commands` knows, without aliases.
std::vector<std::string_view> commands();
// The name a command is enabled by: "sftpgo-copy" for "ferry-copy" too. Empty: no such command.
std::string_view command_name(std::string_view word);

// Runs one command and sends its exit status; `words` begins with its name. What it has to say of an error goes to
// stderr, in the words of the programs that clients expect here.
Task<void> serve(ssh::Channel& channel, session::Session& session, std::span<const Word> words);

}  // namespace ferry::sshcmd
