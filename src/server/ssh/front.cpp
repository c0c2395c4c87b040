#include "server/ssh/front.h"

#include "server/hooks.h"
#include "server/settings.h"
#include "server/ssh/commands.h"
#include "server/ssh/status.h"

namespace ferry::server {

Result<std::unique_ptr<SshFront>> SshFront::make(Services& services, const std::vector<asio::io_context*>& contexts,
                                                 std::vector<std::string>& warnings) {
  std::unique_ptr<SshFront> front(new SshFront(services));
  const config::Sftpd& config = services.config.sftpd;
  auto options = ssh_options(services.config);
  if (!options) return fail(options.error());
  auto host_keys = load_host_keys(services.directory, config.host_keys);
  if (!host_keys) return fail(host_keys.error());
  auto certificates = load_host_certificates(services.directory, config.host_certificates, *host_keys);
  if (!certificates) return fail(certificates.error());
  auto banner = front->read_banner();
  if (!banner) return fail(banner.error());
  auto trust = user_trust(config, services.directory);
  if (!trust) return fail(trust.error());
  options->host_keys = keys_of(*host_keys);
  options->host_certificates = std::move(*certificates);
  const ssh::AlgorithmOffer offer = ssh::complete_offer(options->offer);
  front->host_key_algorithms_ = offer.host_key_algorithms;
  front->status_ = status_of(config, offer);
  front->status_.host_keys = status_of(*host_keys, offer.host_key_algorithms);
  services.own_host_keys->set(fingerprints_of(*host_keys));
  auto policy = front->policy_options(warnings);
  if (!policy) return fail(policy.error());
  front->status_.ssh_commands = policy->commands;
  front->shared_ = std::make_shared<SshServices>(services.entrance, std::move(*policy));
  front->shared_->banner = std::make_shared<const std::string>(std::move(*banner));
  front->shared_->trust = std::make_shared<const ssh::UserTrust>(std::move(*trust));
  front->ssh_ = std::make_unique<ssh::Server>(std::move(*options), make_ssh_policy(front->shared_), contexts);
  auto checked = front->ssh_->check();
  if (!checked) return fail(checked.error().code, "sftpd: " + checked.error().message);
  return front;
}

Result<std::string> SshFront::read_banner() const {
  const std::string& file = config().login_banner_file;
  if (file.empty()) return std::string();
  auto text = read_setting_file("sftpd.login_banner_file", services_.directory / file);
  if (text) *text += "\r\n";
  return text;
}

Result<SshPolicyOptions> SshFront::policy_options(std::vector<std::string>& warnings) const {
  SshPolicyOptions policy;
  policy.password_authentication = config().password_authentication;
  policy.keyboard_interactive = config().keyboard_interactive_authentication;
  policy.hook.where = config().keyboard_interactive_auth_hook;
  policy.hook.hooks = services_.hooks.get();
  if (auto usable = check_hook("sftpd.keyboard_interactive_auth_hook", policy.hook.where); !usable) {
    return fail(usable.error());
  }
  auto sftp = sftp_options(config());
  if (!sftp) return fail(sftp.error());
  policy.sftp = std::move(*sftp);
  policy.commands = enabled_commands(config().enabled_ssh_commands, warnings);
  if (!policy.sftp.folder_prefix.is_root()) policy.commands.clear();  // they would name files without it
  return policy;
}

Result<void> SshFront::listen(std::vector<std::string>&) {
  const auto& bindings = config().bindings;
  for (std::size_t i = 0; i < bindings.size(); ++i) {
    if (bindings[i].port == 0) continue;
    const auto port = ssh_->listen({.address = bindings[i].address,
                                    .port = static_cast<std::uint16_t>(bindings[i].port),
                                    .gatekeeper = services_.admission->keeper(),
                                    .proxy = bindings[i].apply_proxy_config ? services_.proxy : nullptr});
    auto listening = check_listening("sftpd", "sftpd.bindings[" + std::to_string(i) + "]",
                                     {"SFTP", bindings[i].address, bindings[i].port}, port);
    if (!listening) return listening;
  }
  return {};
}

Result<void> SshFront::reload_host_keys() {
  auto keys = load_host_keys(services_.directory, config().host_keys);
  if (!keys) return fail(keys.error());
  auto certificates = load_host_certificates(services_.directory, config().host_certificates, *keys);
  if (!certificates) return fail(certificates.error());
  auto used = ssh_->set_host_keys(keys_of(*keys), std::move(*certificates));
  if (!used) return used;
  const std::lock_guard lock(mutex_);
  status_.host_keys = status_of(*keys, host_key_algorithms_);
  services_.own_host_keys->set(fingerprints_of(*keys));
  return {};
}

std::vector<Error> SshFront::reload() {
  std::vector<Error> errors;
  if (auto used = reload_host_keys(); !used) errors.push_back(used.error());
  if (auto banner = read_banner(); !banner) {
    errors.push_back(banner.error());
  } else {
    shared_->banner = std::make_shared<const std::string>(std::move(*banner));
  }
  if (auto trust = user_trust(config(), services_.directory); !trust) {
    errors.push_back(trust.error());
  } else {
    shared_->trust = std::make_shared<const ssh::UserTrust>(std::move(*trust));
  }
  return errors;
}

void SshFront::status(rest::ServicesStatus& all) const {
  const std::lock_guard lock(mutex_);
  all.ssh = status_;
}

std::vector<Endpoint> SshFront::endpoints() const {
  std::vector<Endpoint> all;
  for (const auto& binding : config().bindings) {
    if (binding.port != 0) all.push_back({"SFTP", binding.address, binding.port});
  }
  return all;
}

}  // namespace ferry::server
