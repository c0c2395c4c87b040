// Cross-origin resource sharing, a part of "webdavd" and "httpd".
#pragma once

#include <string>
#include <vector>

namespace ferry::config {

struct Cors {
  bool enabled = false;
  std::vector<std::string> allowed_origins;
  std::vector<std::string> allowed_methods;
  std::vector<std::string> allowed_headers;
  std::vector<std::string> exposed_headers;
  bool allow_credentials = false;
  int max_age = 0;  // seconds
  bool options_passthrough = false;
  int options_success_status = 0;
  bool allow_private_network = false;
  bool operator==(const Cors&) const = default;
};

}  // namespace ferry::config
