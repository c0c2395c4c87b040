// Section "ftpd": the FTP server.
#pragma once

#include <string>
#include <vector>

namespace ferry::config {

struct Ftpd {
  struct PassiveIpOverride {
    std::vector<std::string> networks;
    std::string ip;
    bool operator==(const PassiveIpOverride&) const = default;
  };
  struct Binding {
    int port = 0;  // 0: off
    std::string address;
    bool apply_proxy_config = true;
    int tls_mode = 0;  // 0 both, 1 required, 2 implicit
    std::string certificate_file;
    std::string certificate_key_file;
    int min_tls_version = 12;
    std::string force_passive_ip;
    std::vector<PassiveIpOverride> passive_ip_overrides;
    std::string passive_host;
    int client_auth_type = 0;
    std::vector<std::string> tls_cipher_suites;
    int passive_connections_security = 0;
    int active_connections_security = 0;
    bool debug = false;
    bool operator==(const Binding&) const = default;
  };
  std::vector<Binding> bindings = {Binding{}};
  std::string banner_file;
  bool active_transfers_port_non_20 = true;
  struct PortRange {
    int start = 50000;
    int end = 50100;
    bool operator==(const PortRange&) const = default;
  } passive_port_range;
  bool disable_active_mode = false;
  bool enable_site = false;
  int hash_support = 0;
  int combine_support = 0;
  std::string certificate_file;
  std::string certificate_key_file;
  std::vector<std::string> ca_certificates;
  std::vector<std::string> ca_revocation_lists;
  std::string banner;
  bool operator==(const Ftpd&) const = default;
};

}  // namespace ferry::config
