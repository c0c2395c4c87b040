// What GET /status shows of the SSH server.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "protocols/rest/service_status.h"
#include "server/ssh/host_keys.h"
#include "ssh/server.h"

namespace ferry::server {

// All but the host keys. `offer`: complete.
rest::SshStatus status_of(const config::Sftpd& config, const ssh::AlgorithmOffer& offer);

// Each with those of its algorithms that are offered.
std::vector<rest::SshHostKeyStatus> status_of(const HostKeys& keys, const std::vector<std::string>& offered);

}  // namespace ferry::server
