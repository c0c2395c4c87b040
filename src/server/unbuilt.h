// Configuration keys that are known and read, but whose feature is not built yet, or never will be.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace ferry::server {

// One line for each section with keys that are set and have no effect: "ftpd: not built yet, ignored", or
// "common: not built yet, ignored: defender.enabled, startup_hook", or
// "data_provider: of no use in Ferry, ignored: credentials_path".
std::vector<std::string> unbuilt_warnings(const config::Config& config);

}  // namespace ferry::server
