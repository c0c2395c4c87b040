// `ferry ping`: whether the server that a configuration describes answers, for health checks where neither curl nor
// wget is at hand.
#pragma once

#include <chrono>
#include <string>

#include "base/error.h"
#include "config/config.h"

namespace ferry::server {

// Asks GET /healthz of the first httpd binding that serves REST and wants no certificate of its clients, over its
// Unix-domain socket where it has one. Answers what was asked; not_found: there is no such binding; else why it does
// not answer. Blocks, `time` at most.
Result<std::string> ping(const config::Httpd& config, std::chrono::milliseconds time = std::chrono::seconds(5));

}  // namespace ferry::server
