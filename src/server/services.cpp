#include "server/services.h"

#include "base/expiry_clock.h"
#include "server/hooks.h"
#include "server/own_paths.h"
#include "server/settings.h"
#include "server/storages.h"

namespace ferry::server {

namespace {

// Asked for on event loops, which must not wait for the store.
std::function<void(const model::UserPtr&)> recount_in_background(std::shared_ptr<session::QuotaScans> scans) {
  return [scans = std::move(scans)](const model::UserPtr& user) { scans->recount(user); };
}

}  // namespace

Result<std::unique_ptr<Services>> Services::make(const config::Config& config, const ServicesOptions& options,
                                                 std::vector<std::string>& warnings) {
  std::unique_ptr<Services> services(new Services(config, options.directory));
  if (auto opened = services->open_store(options); !opened) return fail(opened.error());
  services->registry_ = std::make_shared<presence::Registry>(connection_limits(config.common));
  auto connect = connect_hooks(config.common, *services->hooks);
  if (!connect) return fail(connect.error());
  if (auto made = services->make_logins(*connect, warnings); !made) return fail(made.error());
  auto sessions = services->make_sessions(warnings);
  if (!sessions) return fail(sessions.error());
  services->entrance = std::make_shared<Entrance>(*services->authenticator, std::move(*sessions), std::move(*connect));
  return services;
}

Services::~Services() { stop(std::chrono::milliseconds(0)); }

Result<void> Services::open_store(const ServicesOptions& options) {
  auto made = make_hooks(config, directory);
  if (!made) return fail(made.error());
  hooks = std::move(*made);
  const bool make_schema = config.data_provider.update_mode == 0;
  auto opened = open_provider(config.data_provider, directory, make_schema);
  if (!opened) return fail(opened.error());
  provider = std::move(*opened);
  auto told = EventDelivery::make(config, *provider, hooks);
  if (!told) return fail(told.error());
  events = std::move(*told);
  auto account_rules = account_options(config);
  if (!account_rules) return fail(account_rules.error());
  if (options.protects_own_paths) paths = own_paths(config, directory, options.configuration_file, options.log_file);
  account_rules->protected_paths = paths;
  master_key_ = account_rules->master_key;
  accounts = std::make_unique<store::Accounts>(*provider, std::move(*account_rules));
  return {};
}

Result<void> Services::make_logins(const ConnectHooks& connect, std::vector<std::string>& warnings) {
  auth::LoginOptions rules = login_options(config);
  if (paths) {
    rules.check_places = [paths = paths](const model::User& user, bool at_once) {
      return check_places(*paths, user, at_once);
    };
  }
  rules.master_key = master_key_;
  auto around_logins = login_hooks(config.data_provider, *hooks, *accounts);
  if (!around_logins) return fail(around_logins.error());
  rules.hooks = std::move(*around_logins);
  proxy = proxy_policy(config.common, warnings);
  auto guarded = AdmissionControl::open(config.common, directory, *accounts, registry_, connect);
  if (!guarded) return fail(guarded.error());
  admission = std::move(*guarded);
  if (admission->defender() != nullptr) rules.observers.push_back(admission->defender());
  rules.observers.push_back(events.get());
  authenticator = std::make_unique<auth::Authenticator>(*provider, std::move(rules));
  auto token_rules = token_options(config, directory);
  if (!token_rules) return fail(token_rules.error());
  const bool local_time = token_rules->local_time;
  tokens = std::make_unique<auth::Tokens>(*provider, std::move(*token_rules));
  api_keys = std::make_unique<auth::ApiKeyChecker>(*provider, naming_of(config.data_provider), local_time);
  return {};
}

Result<session::Services> Services::make_sessions(std::vector<std::string>& warnings) {
  auto rules = session_options(config.common, directory);
  if (!rules) return fail(rules.error());
  StorageOptions storages{.master_key = master_key_, .paths = paths, .staging = rules->temp_path};
  if (config.common.allow_self_connections == 0) storages.own_host_keys = own_host_keys;
  storage_checks = std::make_unique<StorageChecks>(storages);
  const std::uint64_t budget = static_cast<std::uint64_t>(config.common.memory_budget) << 20;
  storages.budget = std::make_shared<ByteBudget>(budget > 0 ? budget : ByteBudget::default_limit());
  storages.uploads = provider.get();
  storages_ = std::make_shared<Storages>(std::move(storages));
  session::Services shared{.registry = registry_,
                           .options = std::move(*rules),
                           .storage = factory_of(storages_),
                           .ledger = std::make_shared<quota::Ledger>(*provider, quota_options(config.data_provider))};
  scans = std::make_shared<session::QuotaScans>(shared);
  left_uploads = std::make_shared<LeftUploads>(*provider, shared.storage);
  shared.bandwidth = std::make_shared<presence::Bandwidth>();
  shared.recount = recount_in_background(scans);
  shared.events = events->stream();
  shared.budget = std::make_shared<presence::OpenBudget>(open_limits(config.common, warnings));
  return shared;
}

void Services::start() {
  events->start();
  left_uploads->tick();
}

void Services::tick() {
  registry_->close_idle(entrance->sessions.options.idle_timeout);
  entrance->sessions.ledger->tick();
  admission->tick();
  left_uploads->tick();
  (void)expiry_now_ms();  // writes a log line when the system's clock was set back
}

void Services::stop_counting() {
  left_uploads->stop();
  scans->stop(std::chrono::seconds(5));
  entrance->sessions.ledger->close();
}

void Services::stop_storages(std::chrono::milliseconds grace) { storages_->stop(grace); }

void Services::stop(std::chrono::milliseconds grace) {
  if (events) events->stop();
  if (hooks) hooks->close(grace);
}

}  // namespace ferry::server
