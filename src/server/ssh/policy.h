// What the SSH server may do, decided by accounts: login through auth, the "sftp" subsystem through session.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "auth/hook_dialogue.h"
#include "protocols/sftp/sftp.h"
#include "server/entrance.h"
#include "ssh/keys/user_certificate.h"
#include "ssh/server.h"

namespace ferry::server {

struct SshPolicyOptions {
  bool password_authentication = true;
  bool keyboard_interactive = true;
  auth::InteractiveHook hook;  // leads keyboard-interactive, when it is somewhere
  sftp::Options sftp;
  std::vector<std::string> commands;  // SSH commands that may be run, as enabled_commands() has them
};

// What all connections share.
struct SshServices {
  std::shared_ptr<Entrance> entrance;
  SshPolicyOptions options;
  // The text shown before login; replaced as a whole when its file is read again.
  std::atomic<std::shared_ptr<const std::string>> banner{std::make_shared<const std::string>()};
  // Whose certificates are accepted, and what is revoked; replaced as the banner is.
  std::atomic<std::shared_ptr<const ssh::UserTrust>> trust{std::make_shared<const ssh::UserTrust>()};
};

ssh::HandlerFactory make_ssh_policy(std::shared_ptr<SshServices> services);

}  // namespace ferry::server
