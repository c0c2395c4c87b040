// Which SSH commands there are, which of them are enabled, and running one for an account.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "server/entrance.h"
#include "ssh/channel/channel.h"

namespace ferry::server {

// The names of sftpd.enabled_ssh_commands that are known, each once; "*" stands for all. A warning for each other one.
std::vector<std::string> enabled_commands(const std::vector<std::string>& configured,
                                          std::vector<std::string>& warnings);

// Serves one exec request to its end and sends the exit status: 127 for a command that is not enabled, 126 when no
// session can be opened, else the command's own. `scope` lives until the end.
Task<void> serve_command(ssh::Channel& channel, SessionScope& scope, std::vector<std::string> enabled,
                         std::string line);

}  // namespace ferry::server
