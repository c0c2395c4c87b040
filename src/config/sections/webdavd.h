// Section "webdavd": the WebDAV server.
#pragma once

#include <string>
#include <vector>

#include "config/sections/cors.h"

namespace ferry::config {

struct Webdavd {
  struct Binding {
    int port = 0;  // 0: off
    std::string address;
    bool enable_https = false;
    std::string certificate_file;
    std::string certificate_key_file;
    int min_tls_version = 12;
    int client_auth_type = 0;
    std::vector<std::string> tls_cipher_suites;
    std::vector<std::string> tls_protocols;
    std::string prefix;
    int proxy_mode = 0;
    std::vector<std::string> proxy_allowed;
    std::string client_ip_proxy_header;
    int client_ip_header_depth = 0;
    bool disable_www_auth_header = false;
    bool operator==(const Binding&) const = default;
  };
  std::vector<Binding> bindings = {Binding{}};
  std::string certificate_file;
  std::string certificate_key_file;
  std::vector<std::string> ca_certificates;
  std::vector<std::string> ca_revocation_lists;
  Cors cors;
  struct Cache {
    struct Users {
      int expiration_time = 0;  // minutes; 0: never
      int max_size = 50;
      bool operator==(const Users&) const = default;
    } users;
    struct MimeTypes {
      struct Mapping {
        std::string ext;
        std::string mime;
        bool operator==(const Mapping&) const = default;
      };
      bool enabled = true;
      int max_size = 1000;
      std::vector<Mapping> custom_mappings;
      bool operator==(const MimeTypes&) const = default;
    } mime_types;
    bool operator==(const Cache&) const = default;
  } cache;
  bool operator==(const Webdavd&) const = default;
};

}  // namespace ferry::config
