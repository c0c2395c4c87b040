// SSH as the server sees it: SFTP, SCP and SSH commands on the bindings of sftpd.
#pragma once

#include <memory>
#include <mutex>

#include "server/front.h"
#include "server/services.h"
#include "server/ssh/host_keys.h"
#include "server/ssh/policy.h"
#include "ssh/server.h"

namespace ferry::server {

class SshFront final : public Front {
 public:
  // Reads host keys (and makes the usual ones when they are missing), certificates and banner. invalid_argument names
  // the key. `services` outlives the connections.
  static Result<std::unique_ptr<SshFront>> make(Services& services, const std::vector<asio::io_context*>& contexts,
                                                std::vector<std::string>& warnings);

  Result<void> listen(std::vector<std::string>& warnings) override;
  void drain() override { ssh_->stop_listening(); }
  void end(const std::string& reason) override { ssh_->disconnect_all(reason); }
  std::size_t count() const override { return ssh_->connections(); }
  bool busy() const override { return false; }  // its work is transfers
  std::vector<Error> reload() override;
  void status(rest::ServicesStatus& all) const override;
  std::vector<Endpoint> endpoints() const override;

 private:
  explicit SshFront(Services& services) : services_(services) {}
  const config::Sftpd& config() const { return services_.config.sftpd; }
  Result<std::string> read_banner() const;
  Result<SshPolicyOptions> policy_options(std::vector<std::string>& warnings) const;
  Result<void> reload_host_keys();

  Services& services_;
  std::shared_ptr<SshServices> shared_;
  std::unique_ptr<ssh::Server> ssh_;
  mutable std::mutex mutex_;  // of status_: GET /status reads it while host keys are reloaded
  rest::SshStatus status_;
  std::vector<std::string> host_key_algorithms_;  // that are offered
};

}  // namespace ferry::server
