// common.post_connect_hook, which decides whether a client is served, and common.post_disconnect_hook, which is told.
// Over HTTP the first is asked when a user logs in, not for each connection, and never about administrators.
#pragma once

#include <chrono>
#include <string>

#include "base/task.h"

namespace ferry::events {
class Hooks;
}

namespace ferry::server {

class ConnectHooks {
 public:
  // Places as events::check_hook has them, or empty. `hooks` outlives this, and may be null when both are.
  ConnectHooks(events::Hooks* hooks, std::string connect, std::string disconnect)
      : hooks_(hooks), connect_(std::move(connect)), disconnect_(std::move(disconnect)) {}
  ConnectHooks() = default;

  bool decides() const { return !connect_.empty(); }
  // What does not clearly say yes is a no, and logged. `protocol`: SSH, FTP, DAV, HTTP.
  Task<bool> lets_in(std::string client_ip, std::string protocol) const;
  // In the background. `protocol`: that of the session which has ended: SFTP, SCP, SSH for commands, FTP, ...
  void tell_gone(const std::string& client_ip, const std::string& protocol, const std::string& username,
                 std::chrono::milliseconds duration) const;

 private:
  events::Hooks* hooks_ = nullptr;
  std::string connect_, disconnect_;
};

}  // namespace ferry::server
