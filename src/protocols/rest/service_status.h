// What GET /status shows of the running services (REST schema ServicesStatus).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ferry::rest {

struct SshBindingStatus {
  std::string address;
  std::int64_t port = 0;
  bool apply_proxy_config = false;
};

struct SshHostKeyStatus {
  std::string path;
  std::string fingerprint;  // SHA256:...
  std::vector<std::string> algorithms;
};

struct SshStatus {
  bool is_active = false;
  std::vector<SshBindingStatus> bindings;
  std::vector<SshHostKeyStatus> host_keys;
  std::vector<std::string> ssh_commands;
  std::vector<std::string> authentications;
  std::vector<std::string> public_key_algorithms;
  std::vector<std::string> macs;
  std::vector<std::string> kex_algorithms;
  std::vector<std::string> ciphers;
};

// The data provider's part is asked from the provider itself; FTP and WebDAV are shown as not active.
struct ServicesStatus {
  SshStatus ssh;
  bool defender_active = false;
  bool allow_list_active = false;
  std::vector<std::string> rate_limited_protocols;  // empty: no rate limiter
};

}  // namespace ferry::rest
