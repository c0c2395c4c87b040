// What GET /status shows, kept up to date while host keys are reloaded. Safe from any thread.
#pragma once

#include <mutex>

#include "config/config.h"
#include "protocols/rest/service_status.h"
#include "server/ssh/host_keys.h"
#include "ssh/server.h"

namespace ferry::server {

class Status {
 public:
  void set_ssh(const config::Sftpd& config, const ssh::ServerOptions& options);
  void set_door(bool defender, bool allow_list, std::vector<std::string> rate_limited_protocols);
  // After set_ssh: shows the algorithms that are offered.
  void set_host_keys(const HostKeys& keys);
  rest::ServicesStatus get() const;

 private:
  mutable std::mutex mutex_;
  rest::ServicesStatus status_;
  std::vector<std::string> host_key_algorithms_;
};

}  // namespace ferry::server
