#include "server/status.h"

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
  const auto accepted = ssh::public_key_algorithms();
  ssh.public_key_algorithms.assign(accepted.begin(), accepted.end());
  const ssh::AlgorithmOffer offer = ssh::complete_offer(options.offer);
  ssh.kex_algorithms = offer.key_agreements;
  ssh.ciphers = offer.ciphers;
  ssh.macs = offer.macs;
}

void Status::set_host_keys(const HostKeys& keys) {
  const std::lock_guard lock(mutex_);
  status_.ssh.host_keys.clear();
  for (const HostKey& host_key : keys) {
    const auto algorithms = host_key.key->algorithms();
    status_.ssh.host_keys.push_back(
        {host_key.path, host_key.key->public_key().fingerprint(), {algorithms.begin(), algorithms.end()}});
  }
}

rest::ServicesStatus Status::get() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

}  // namespace ferry::server
