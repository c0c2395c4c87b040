// What the process has once, whatever listens: the data provider, who is told of events, who is let in, and what all
// sessions share. Protocols are given these; none makes its own, or an account's bandwidth and quota would hold for
// each protocol by itself.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "auth/api_keys.h"
#include "auth/login.h"
#include "auth/token.h"
#include "base/protected_paths.h"
#include "config/config.h"
#include "events/hook.h"
#include "server/admission_control.h"
#include "server/entrance.h"
#include "server/event_delivery.h"
#include "server/own_host_keys.h"
#include "server/storage_checks.h"
#include "server/upload_journal.h"
#include "session/quota_scan.h"
#include "store/accounts.h"

namespace ferry::server {

class Storages;

struct ServicesOptions {
  std::filesystem::path directory;                // of the configuration: relative paths start here
  std::filesystem::path configuration_file = {};  // empty: there is none
  std::filesystem::path log_file = {};            // empty: there is none
  bool protects_own_paths = true;                 // accounts must not lie in or above directories of the server's own
};

// In the order in which they need each other: what is declared first goes last.
struct Services {
  // Opens the data provider and reads the files that the configuration names. Errors name the key. `warnings`: lines
  // for the operator. `config` outlives the services.
  static Result<std::unique_ptr<Services>> make(const config::Config& config, const ServicesOptions& options,
                                                std::vector<std::string>& warnings);
  ~Services();
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  // Notifications are delivered from now on.
  void start();
  // Every few seconds: idle sessions are ended, counted usage is stored.
  void tick();
  // Ends quota scans and stores what was counted; while the event loops still run.
  void stop_counting();
  // Ends requests to other machines that do not end by themselves within `grace`; while the event loops still run.
  void stop_storages(std::chrono::milliseconds grace);
  // After the event loops ended. Hooks that run have `grace` to finish.
  void stop(std::chrono::milliseconds grace);

  const config::Config& config;
  const std::filesystem::path directory;  // of the configuration: relative paths start here
  const std::shared_ptr<OwnHostKeys> own_host_keys = std::make_shared<OwnHostKeys>();  // SSH's front says which
  std::shared_ptr<events::Hooks> hooks;
  std::unique_ptr<store::Provider> provider;
  std::unique_ptr<EventDelivery> events;
  std::shared_ptr<const ProtectedPaths> paths;  // null: accounts may lie anywhere
  std::unique_ptr<store::Accounts> accounts;
  std::shared_ptr<const net::ProxyPolicy> proxy;  // empty: the PROXY protocol is off
  std::unique_ptr<AdmissionControl> admission;
  std::unique_ptr<auth::Authenticator> authenticator;
  std::unique_ptr<auth::Tokens> tokens;
  std::unique_ptr<auth::ApiKeyChecker> api_keys;
  std::shared_ptr<session::QuotaScans> scans;
  std::unique_ptr<StorageChecks> storage_checks;
  std::shared_ptr<LeftUploads> left_uploads;
  std::shared_ptr<Entrance> entrance;  // with what sessions share: entrance->sessions

 private:
  Services(const config::Config& configuration, std::filesystem::path configuration_directory)
      : config(configuration), directory(std::move(configuration_directory)) {}
  Result<void> open_store(const ServicesOptions& options);
  Result<void> make_logins(const ConnectHooks& connect, std::vector<std::string>& warnings);
  Result<session::Services> make_sessions(std::vector<std::string>& warnings);

  crypto::Secret master_key_;
  std::shared_ptr<const Storages> storages_;
  std::shared_ptr<presence::Registry> registry_;
};

}  // namespace ferry::server
