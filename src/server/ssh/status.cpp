#include "server/ssh/status.h"

#include <algorithm>

namespace ferry::server {

rest::SshStatus status_of(const config::Sftpd& config, const ssh::AlgorithmOffer& offer) {
  rest::SshStatus ssh;
  for (const auto& binding : config.bindings) {
    if (binding.port != 0) ssh.bindings.push_back({binding.address, binding.port, binding.apply_proxy_config});
  }
  ssh.is_active = !ssh.bindings.empty();
  if (config.password_authentication) ssh.authentications.emplace_back("password");
  ssh.authentications.emplace_back("publickey");
  if (config.keyboard_interactive_authentication) ssh.authentications.emplace_back("keyboard-interactive");
  if (config.password_authentication) ssh.authentications.emplace_back("publickey+password");
  if (config.keyboard_interactive_authentication) ssh.authentications.emplace_back("publickey+keyboard-interactive");
  ssh.public_key_algorithms = offer.public_keys;
  ssh.kex_algorithms = offer.key_agreements;
  ssh.ciphers = offer.ciphers;
  ssh.macs = offer.macs;
  return ssh;
}

std::vector<rest::SshHostKeyStatus> status_of(const HostKeys& keys, const std::vector<std::string>& offered) {
  std::vector<rest::SshHostKeyStatus> all;
  for (const HostKey& host_key : keys) {
    std::vector<std::string> algorithms;
    for (const std::string_view name : host_key.key->algorithms()) {
      if (std::ranges::find(offered, name) != offered.end()) algorithms.emplace_back(name);
    }
    all.push_back({host_key.path, host_key.key->public_key().fingerprint(), std::move(algorithms)});
  }
  return all;
}

}  // namespace ferry::server
