// The whole configuration, one struct a section, with its defaults. Names, types and checks of the keys stand
// in sections/*.cpp, one row a key; files and the environment are read by loader.h.
#pragma once

#include <string>
#include <vector>

#include "config/sections/common.h"
#include "config/sections/data_provider.h"
#include "config/sections/ftpd.h"
#include "config/sections/httpd.h"
#include "config/sections/services.h"
#include "config/sections/sftpd.h"
#include "config/sections/webdavd.h"

namespace ferry::config {

struct Config {
  Common common;
  Acme acme;
  Sftpd sftpd;
  Ftpd ftpd;
  Webdavd webdavd;
  DataProvider data_provider;
  Httpd httpd;
  Telemetry telemetry;
  Http http;
  Command command;
  Kms kms;
  Mfa mfa;
  Smtp smtp;
  std::vector<Plugin> plugins;
  bool operator==(const Config&) const = default;
};

// The keys whose values are not the defaults, as "common.defender.enabled"; each element of a list of objects is
// compared with a default element: "sftpd.bindings[].port".
std::vector<std::string> changed_keys(const Config& config);

}  // namespace ferry::config
