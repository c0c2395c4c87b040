// Which clients may connect: makes what the configuration says about it (IP lists, defender, rate limits, proxies) and
// the gatekeeper that listeners ask.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "net/proxy_protocol.h"
#include "server/connection_gatekeeper.h"
#include "store/accounts.h"

namespace ferry::server {

class AdmissionControl {
 public:
  // Reads the lists and the defender's files. invalid_argument: the configuration makes no sense.
  // All that is given outlives it.
  static Result<std::unique_ptr<AdmissionControl>> open(const config::Common& config,
                                                        const std::filesystem::path& directory,
                                                        store::Accounts& accounts,
                                                        std::shared_ptr<presence::Registry> registry,
                                                        ConnectHooks connect);

  const std::shared_ptr<ConnectionGatekeeper>& keeper() const { return keeper_; }
  // Null when the defender is off.
  auth::Defender* defender() const { return defender_.get(); }
  std::vector<std::string> rate_limited_protocols() const;

  // Reads lists and files again; what cannot be read stays as it was.
  Result<void> reload();
  // Every few seconds.
  void tick();

 private:
  AdmissionControl(const config::Common& config, std::filesystem::path directory, store::Accounts& accounts)
      : config_(config), directory_(std::move(directory)), accounts_(accounts) {}
  Result<void> read_files();

  const config::Common& config_;
  const std::filesystem::path directory_;
  store::Accounts& accounts_;
  auth::IpRules rules_;
  std::atomic<bool> lists_are_old_ = false;       // an entry was changed and could not be read again
  std::unique_ptr<store::DefenderHosts> memory_;  // of the driver "memory"
  std::unique_ptr<auth::Defender> defender_;
  std::unique_ptr<auth::RateLimiters> limiters_;
  std::shared_ptr<ConnectionGatekeeper> keeper_;
};

// Empty when common.proxy_protocol is 0.
std::shared_ptr<const net::ProxyPolicy> proxy_policy(const config::Common& config, std::vector<std::string>& warnings);

}  // namespace ferry::server
