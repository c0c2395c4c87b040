#include "server/status.h"

#include <algorithm>

namespace ferry::server {

void Status::set_ssh(const config::Sftpd& config, const ssh::ServerOptions& options) {
  const std::lock_guard lock(mutex_);
  rest::SshStatus& ssh = status_.ssh;
  ssh.bindings.clear();
  for (const auto& binding : config.bindings) {
    if (binding.port != 0) ssh.bindings.push_back({binding.address, binding.port, binding.apply_proxy_config});
  }
  ssh.is_active = !ssh.bindings.empty();
  ssh.authentications = {"publickey"};
  if (config.password_authentication) ssh.authentications.emplace_back("password");
  const ssh::AlgorithmOffer offer = ssh::complete_offer(options.offer);
  host_key_algorithms_ = offer.host_key_algorithms;
  ssh.public_key_algorithms = offer.public_keys;
  ssh.kex_algorithms = offer.key_agreements;
  ssh.ciphers = offer.ciphers;
  ssh.macs = offer.macs;
}

void Status::set_host_keys(const HostKeys& keys) {
  const std::lock_guard lock(mutex_);
  status_.ssh.host_keys.clear();
  for (const HostKey& host_key : keys) {
    std::vector<std::string> offered;
    for (const std::string_view name : host_key.key->algorithms()) {
      if (std::ranges::find(host_key_algorithms_, name) != host_key_algorithms_.end()) offered.emplace_back(name);
    }
    status_.ssh.host_keys.push_back({host_key.path, host_key.key->public_key().fingerprint(), std::move(offered)});
  }
}

void Status::set_door(bool defender, bool allow_list, std::vector<std::string> rate_limited_protocols) {
  const std::lock_guard lock(mutex_);
  status_.defender_active = defender;
  status_.allow_list_active = allow_list;
  status_.rate_limited_protocols = std::move(rate_limited_protocols);
}

rest::ServicesStatus Status::get() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

}  // namespace ferry::server
