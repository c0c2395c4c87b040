// Everything that guards the door, as the configuration has it: lists, defender, rate limits, proxies.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "net/proxy_protocol.h"
#include "server/doorkeeper.h"
#include "store/accounts.h"

namespace ferry::server {

class Door {
 public:
  // Reads the lists and the defender's files. invalid_argument: the configuration makes no sense.
  // All that is given outlives it.
  static Result<std::unique_ptr<Door>> open(const config::Common& config, const std::filesystem::path& directory,
                                            store::Accounts& accounts, std::shared_ptr<session::Registry> registry,
                                            ConnectHooks connect);

  const std::shared_ptr<Doorkeeper>& keeper() const { return keeper_; }
  // Null when the defender is off.
  auth::Defender* defender() const { return defender_.get(); }
  std::vector<std::string> rate_limited_protocols() const;

  // Reads lists and files again; what cannot be read stays as it was.
  Result<void> reload();
  // Every few seconds.
  void tick();

 private:
  Door(const config::Common& config, std::filesystem::path directory, store::Accounts& accounts)
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
  std::shared_ptr<Doorkeeper> keeper_;
};

// Empty when common.proxy_protocol is 0.
std::shared_ptr<const net::ProxyPolicy> proxy_policy(const config::Common& config, std::vector<std::string>& warnings);

}  // namespace ferry::server
