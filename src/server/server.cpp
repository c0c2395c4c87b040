#include "server/server.h"

#include <sys/stat.h>

#include <cstdlib>
#include <iostream>
#include <thread>
#include <vector>

#include "base/expiry_clock.h"
#include "base/log.h"
#include "base/task.h"
#include "http/server.h"
#include "protocols/rest/rest.h"
#include "server/door.h"
#include "server/events.h"
#include "server/first_admin.h"
#include "server/hooks.h"
#include "server/io_threads.h"
#include "server/lifecycle.h"
#include "server/load_data.h"
#include "server/own_paths.h"
#include "server/settings.h"
#include "server/ssh/commands.h"
#include "server/ssh/host_keys.h"
#include "server/ssh/policy.h"
#include "server/status.h"
#include "server/storage.h"
#include "server/unbuilt.h"
#include "server/version.h"
#include "session/quota_scan.h"
#include "session/scan_loaded.h"

namespace ferry::server {

namespace fs = std::filesystem;

// In the order in which they need each other: what is declared first goes last. Connections live in the
// io_contexts of `threads`, so whatever they use stands above it, and the servers that feed it below.
struct Server::Parts {
  ~Parts() {
    watch.request_stop();
    threads.stop();
    if (events) events->stop();
    if (hooks) hooks->close(std::chrono::milliseconds(0));
  }

  config::Loaded loaded;
  StartOptions options;
  std::shared_ptr<events::Hooks> hooks;
  std::unique_ptr<store::Provider> provider;
  std::unique_ptr<Events> events;
  std::unique_ptr<store::Accounts> accounts;
  std::shared_ptr<const ProtectedPaths> paths;  // none: accounts may lie anywhere
  session::Options session_rules;
  session::StorageFactory storage;
  std::shared_ptr<session::Registry> registry;
  std::unique_ptr<Door> door;
  std::unique_ptr<auth::Authenticator> authenticator;
  std::unique_ptr<auth::Tokens> tokens;
  std::unique_ptr<auth::ApiKeyChecker> api_keys;
  std::shared_ptr<session::Ledger> ledger;
  std::shared_ptr<session::QuotaScans> scans;
  std::shared_ptr<SshServices> ssh_services;
  Status status;
  std::vector<std::shared_ptr<http::TlsContext>> tls;
  IoThreads threads;
  std::unique_ptr<ssh::Server> ssh;
  std::unique_ptr<http::Server> http;
  std::jthread watch;  // names accounts that are in the way

  const config::Config& config() const { return loaded.config; }

  Result<void> build_accounts();
  Result<void> build_ssh(std::vector<std::string>& warnings);
  Result<void> listen_ssh(std::vector<std::string>& warnings);
  Result<void> build_http();
  http::Binding guarded_binding(const config::Httpd::Binding& binding,
                                const std::shared_ptr<const net::ProxyPolicy>& proxy) const;
  Result<void> listen_http(std::vector<std::string>& warnings);
  Result<auth::InteractiveHook> interactive_hook();
  Result<std::string> read_banner() const;
  Result<void> reload_host_keys();
  Welcome welcome(NewAdmin admin) const;
  std::string ready_line() const;
};

namespace {

std::string shown(const std::string& address, int port) {
  const bool v6 = address.find(':') != std::string::npos;
  return (address.empty() ? "*" : v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

// Asked for on event loops, which must not wait for the store.
std::function<void(const model::UserPtr&)> recount_in_background(std::shared_ptr<session::QuotaScans> scans) {
  return [scans = std::move(scans)](const model::UserPtr& user) { scans->recount(user); };
}

// Where a client on this machine finds what listens on `address`.
std::string reachable(const std::string& address) {
  if (address.empty() || address == "0.0.0.0" || address == "::") return "127.0.0.1";
  return address;
}

}  // namespace

Result<void> Server::Parts::build_accounts() {
  auto made = make_hooks(config(), options.directory);
  if (!made) return fail(made.error());
  hooks = std::move(*made);
  const bool make_schema = config().data_provider.update_mode == 0;
  auto opened = open_provider(config().data_provider, options.directory, make_schema);
  if (!opened) return fail(opened.error());
  provider = std::move(*opened);
  auto told = Events::make(config(), *provider, hooks);
  if (!told) return fail(told.error());
  events = std::move(*told);
  auto account_rules = account_options(config());
  if (!account_rules) return fail(account_rules.error());
  if (!options.only_account) paths = own_paths(config(), options.directory, loaded.file, options.log_file);
  account_rules->protected_paths = paths;
  auth::LoginOptions login_rules = login_options(config());
  if (paths) {
    login_rules.check_places = [paths = paths](const model::User& user, bool at_once) {
      return check_places(*paths, user, at_once);
    };
  }
  login_rules.master_key = account_rules->master_key;
  accounts = std::make_unique<store::Accounts>(*provider, std::move(*account_rules));
  auto around_logins = login_hooks(config().data_provider, *hooks, *accounts);
  if (!around_logins) return fail(around_logins.error());
  login_rules.hooks = std::move(*around_logins);
  registry = std::make_shared<session::Registry>(connection_limits(config().common));
  auto connect = connect_hooks(config().common, *hooks);
  if (!connect) return fail(connect.error());
  auto guarded = Door::open(config().common, options.directory, *accounts, registry, std::move(*connect));
  if (!guarded) return fail(guarded.error());
  door = std::move(*guarded);
  if (door->defender() != nullptr) login_rules.observers.push_back(door->defender());
  login_rules.observers.push_back(events.get());
  authenticator = std::make_unique<auth::Authenticator>(*provider, std::move(login_rules));
  auto token_rules = token_options(config(), options.directory);
  if (!token_rules) return fail(token_rules.error());
  const bool local_time = token_rules->local_time;
  tokens = std::make_unique<auth::Tokens>(*provider, std::move(*token_rules));
  api_keys = std::make_unique<auth::ApiKeyChecker>(*provider, naming_of(config().data_provider), local_time);
  ledger = std::make_shared<session::Ledger>(*provider, quota_options(config().data_provider));
  auto session_rules_read = session_options(config().common, options.directory);
  if (!session_rules_read) return fail(session_rules_read.error());
  session_rules = std::move(*session_rules_read);
  storage = paths ? guarded_storage(paths, session_rules.temp_path) : session::StorageFactory(open_storage);
  scans = std::make_shared<session::QuotaScans>(
      session::Services{.registry = registry, .options = session_rules, .storage = storage, .ledger = ledger});
  return {};
}

Result<std::string> Server::Parts::read_banner() const {
  const std::string& file = config().sftpd.login_banner_file;
  if (file.empty()) return std::string();
  auto text = read_setting_file("sftpd.login_banner_file", options.directory / file);
  if (text) *text += "\r\n";
  return text;
}

Result<auth::InteractiveHook> Server::Parts::interactive_hook() {
  auth::InteractiveHook hook;
  hook.where = config().sftpd.keyboard_interactive_auth_hook;
  hook.hooks = hooks.get();
  if (auto usable = check_hook("sftpd.keyboard_interactive_auth_hook", hook.where); !usable) {
    return fail(usable.error());
  }
  return hook;
}

Result<void> Server::Parts::build_ssh(std::vector<std::string>& warnings) {
  auto ssh_settings = ssh_options(config());
  if (!ssh_settings) return fail(ssh_settings.error());
  auto host_keys = load_host_keys(options.directory, config().sftpd.host_keys);
  if (!host_keys) return fail(host_keys.error());
  auto certificates = load_host_certificates(options.directory, config().sftpd.host_certificates, *host_keys);
  if (!certificates) return fail(certificates.error());
  auto banner = read_banner();
  if (!banner) return fail(banner.error());
  auto trust = user_trust(config().sftpd, options.directory);
  if (!trust) return fail(trust.error());
  ssh_settings->host_keys = keys_of(*host_keys);
  ssh_settings->host_certificates = std::move(*certificates);
  status.set_ssh(config().sftpd, *ssh_settings);
  status.set_door(door->defender() != nullptr, config().common.allowlist_status == 1, door->rate_limited_protocols());
  status.set_host_keys(*host_keys);
  SshPolicyOptions policy;
  policy.password_authentication = config().sftpd.password_authentication;
  auto sftp_settings = sftp_options(config().sftpd);
  if (!sftp_settings) return fail(sftp_settings.error());
  policy.sftp = std::move(*sftp_settings);
  policy.keyboard_interactive = config().sftpd.keyboard_interactive_authentication;
  auto hook = interactive_hook();
  if (!hook) return fail(hook.error());
  policy.hook = std::move(*hook);
  auto connect = connect_hooks(config().common, *hooks);
  if (!connect) return fail(connect.error());
  policy.connect = std::move(*connect);
  policy.commands = enabled_commands(config().sftpd.enabled_ssh_commands, warnings);
  if (!policy.sftp.folder_prefix.is_root()) policy.commands.clear();  // they would name files without it
  ssh_services = std::make_shared<SshServices>(
      *authenticator,
      session::Services{.registry = registry,
                        .options = session_rules,
                        .storage = storage,
                        .ledger = ledger,
                        .bandwidth = std::make_shared<session::Bandwidth>(),
                        .recount = recount_in_background(scans),
                        .events = events->stream(),
                        .budget = std::make_shared<session::OpenBudget>(open_limits(config().common, warnings))},
      std::move(policy));
  ssh_services->banner = std::make_shared<const std::string>(std::move(*banner));
  ssh_services->trust = std::make_shared<const ssh::UserTrust>(std::move(*trust));
  ssh = std::make_unique<ssh::Server>(std::move(*ssh_settings), make_ssh_policy(ssh_services), threads.contexts());
  auto checked = ssh->check();
  if (!checked) return fail(checked.error().code, "sftpd: " + checked.error().message);
  return {};
}

Result<void> Server::Parts::listen_ssh(std::vector<std::string>& warnings) {
  const auto proxy = proxy_policy(config().common, warnings);
  const auto& bindings = config().sftpd.bindings;
  for (std::size_t i = 0; i < bindings.size(); ++i) {
    if (bindings[i].port == 0) continue;
    auto port = ssh->listen({.address = bindings[i].address,
                             .port = static_cast<std::uint16_t>(bindings[i].port),
                             .gatekeeper = door->keeper(),
                             .proxy = bindings[i].apply_proxy_config ? proxy : nullptr});
    if (!port) {
      return fail(port.error().code, "sftpd.bindings[" + std::to_string(i) + "]: cannot listen on " +
                                         shown(bindings[i].address, bindings[i].port) + ": " + port.error().message);
    }
    log::info("sftpd", "", "listening on {}", shown(bindings[i].address, *port));
  }
  return {};
}

Result<void> Server::Parts::build_http() {
  http::Router router;
  rest::VersionInfo about{.version = std::string(version()),
                          .build_date = std::string(build_date()),
                          .commit_hash = std::string(commit()),
                          .features = {"-s3", "-gcs", "-azblob", "+sqlite", "-bolt", "-mysql", "-pgsql", "-metrics"}};
  rest::add_routes(router, {.accounts = *accounts,
                            .authenticator = *authenticator,
                            .tokens = *tokens,
                            .api_keys = *api_keys,
                            .registry = registry,
                            .version = std::move(about),
                            .status = [this] { return status.get(); },
                            .ledger = ledger,
                            .scans = scans,
                            .defender = door->defender(),
                            .backups = options.directory / config().data_provider.backups_path,
                            .events = events->stream(),
                            .retry_events = [this] { events->retry(); }});
  http::ServerOptions http_options;
  if (config().common.server_version != "short") http_options.server_name += "/" + std::string(version());
  http = std::make_unique<http::Server>(threads.contexts(), std::move(router), std::move(http_options));
  return {};
}

// Who speaks for whom: the PROXY protocol, or a field of the requests.
http::Binding Server::Parts::guarded_binding(const config::Httpd::Binding& binding,
                                             const std::shared_ptr<const net::ProxyPolicy>& proxy) const {
  http::Binding made;
  made.gatekeeper = door->keeper();
  if (binding.proxy_mode == 1) {
    made.proxy = proxy;
  } else {
    made.client_address = {.field = binding.client_ip_proxy_header,
                           .depth = binding.client_ip_header_depth,
                           .proxies = NetworkSet::of(binding.proxy_allowed)};
  }
  return made;
}

Result<void> Server::Parts::listen_http(std::vector<std::string>& warnings) {
  std::vector<std::string> told_by_ssh;
  const auto proxy = proxy_policy(config().common, told_by_ssh);
  const auto& bindings = config().httpd.bindings;
  for (std::size_t i = 0; i < bindings.size(); ++i) {
    const std::string key = "httpd.bindings[" + std::to_string(i) + "]";
    if (bindings[i].port == 0) continue;
    if (!bindings[i].enable_rest_api) {
      warnings.push_back(key + ": not opened, because the browser interface is not built yet and REST is off");
      continue;
    }
    http::Binding binding = guarded_binding(bindings[i], proxy);
    binding.address = bindings[i].address;
    binding.port = static_cast<std::uint16_t>(bindings[i].port);
    if (bindings[i].enable_https) {
      auto context = http::TlsContext::create(tls_options(config().httpd, bindings[i], options.directory));
      if (!context) return fail(context.error().code, key + ": " + context.error().message);
      tls.push_back(*context);
      binding.tls = *context;
    }
    auto port = http->listen(binding);
    if (!port) {
      return fail(port.error().code, key + ": cannot listen on " + shown(bindings[i].address, bindings[i].port) + ": " +
                                         port.error().message);
    }
    log::info("httpd", "", "listening on {}", shown(bindings[i].address, *port));
  }
  return {};
}

Welcome Server::Parts::welcome(NewAdmin admin) const {
  Welcome text{.admin = std::move(admin),
               .sftp_host = {},
               .sftp_port = 0,
               .http_url = {},
               .home = (options.directory / default_data_folder / "user").string()};
  for (const auto& binding : config().sftpd.bindings) {
    if (binding.port == 0 || text.sftp_port != 0) continue;
    text.sftp_port = binding.port;
    text.sftp_host = reachable(binding.address);
  }
  for (const auto& binding : config().httpd.bindings) {
    if (binding.port == 0 || !binding.enable_rest_api || !text.http_url.empty()) continue;
    text.http_url = (binding.enable_https ? "https://" : "http://") + shown(reachable(binding.address), binding.port);
  }
  return text;
}

std::string Server::Parts::ready_line() const {
  std::string line = "Ferry " + std::string(version()) + " is ready:";
  for (const auto& binding : config().sftpd.bindings) {
    if (binding.port != 0) line += " SFTP " + shown(binding.address, binding.port);
  }
  for (const auto& binding : config().httpd.bindings) {
    if (binding.port == 0 || !binding.enable_rest_api) continue;
    line += (binding.enable_https ? " HTTPS " : " HTTP ") + shown(binding.address, binding.port);
  }
  return line;
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(config::Loaded loaded, StartOptions options) {
  auto parts = std::make_unique<Parts>();
  parts->loaded = std::move(loaded);
  parts->options = std::move(options);
  const config::Config& config = parts->config();
  if (!config.common.umask.empty()) ::umask(static_cast<mode_t>(std::stoul(config.common.umask, nullptr, 8)) & 0777U);
  std::vector<std::string> warnings = parts->loaded.warnings;
  for (auto& warning : unbuilt_warnings(config)) warnings.push_back(std::move(warning));
  log::info("server", "", "Ferry {} starts, configuration: {}", version(),
            parts->loaded.file.empty() ? "defaults" : parts->loaded.file.string());
  for (const auto& step : {&Parts::build_accounts, &Parts::build_http}) {
    auto done = ((*parts).*step)();
    if (!done) return fail(done.error());
  }
  const store::LoadListener listener = parts->events->stream()->loads({.username = "__system__"});
  const auto loaded_data = load_data(*parts->accounts, parts->options.load, listener);
  if (!loaded_data) return fail(loaded_data.error());
  for (const auto& step : {&Parts::build_ssh, &Parts::listen_http}) {
    auto done = ((*parts).*step)(warnings);
    if (!done) return fail(done.error());
  }
  if (parts->options.only_account) {
    auto added = parts->accounts->add_user(*parts->options.only_account);
    if (!added) return fail(added.error());
  }
  if (auto told = run_startup_hook(config.common, *parts->hooks); !told) return fail(told.error());
  if (auto done = parts->listen_ssh(warnings); !done) return fail(done.error());
  for (const std::string& warning : warnings) log::warn("config", "", "{}", warning);
  if (parts->options.only_account) {
    parts->events->start();
    parts->threads.start();
    return std::unique_ptr<Server>(new Server(std::move(parts)));
  }
  // Only now, when nothing else can fail: a password that is printed once must not get lost.
  auto admin =
      create_first_admin(*parts->accounts, config.data_provider.create_default_admin, parts->loaded.environment);
  if (!admin) return fail(admin.error());
  parts->events->start();
  parts->threads.start();
  if (parts->options.load.scan != 0) {
    session::scan_loaded(*parts->scans, *parts->provider, *loaded_data, parts->options.load.scan == 2);
  }
  parts->watch = std::jthread(
      [&parts = *parts](const std::stop_token& stop) { warn_of_places(*parts.paths, *parts.provider, stop); });
  std::cout << parts->ready_line() << '\n';
  if (*admin) std::cout << welcome_text(parts->welcome(**admin));
  std::cout << std::flush;
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

std::string Server::host_key_fingerprint() const {
  const auto keys = parts_->status.get().ssh.host_keys;
  return keys.empty() ? std::string() : keys.back().fingerprint;
}

Result<void> Server::Parts::reload_host_keys() {
  auto keys = load_host_keys(options.directory, config().sftpd.host_keys);
  if (!keys) return fail(keys.error());
  auto certificates = load_host_certificates(options.directory, config().sftpd.host_certificates, *keys);
  if (!certificates) return fail(certificates.error());
  auto used = ssh->set_host_keys(keys_of(*keys), std::move(*certificates));
  if (used) status.set_host_keys(*keys);
  return used;
}

void Server::reload() {
  log::info("server", "", "reloading");
  const auto complain = [](const Error& error) { log::error("server", "", "not reloaded: {}", error.message); };
  if (auto used = parts_->reload_host_keys(); !used) complain(used.error());
  if (auto banner = parts_->read_banner(); !banner) {
    complain(banner.error());
  } else {
    parts_->ssh_services->banner = std::make_shared<const std::string>(std::move(*banner));
  }
  if (auto read = parts_->door->reload(); !read) complain(read.error());
  if (auto trust = user_trust(parts_->config().sftpd, parts_->options.directory); !trust) {
    complain(trust.error());
  } else {
    parts_->ssh_services->trust = std::make_shared<const ssh::UserTrust>(std::move(*trust));
  }
  for (const auto& context : parts_->tls) {
    if (auto again = context->reload(); !again) complain(again.error());
  }
}

namespace {

// What runs uses what would be taken down.
[[noreturn]] void leave_at_once() {
  log::error("server", "", "stopped while something still runs: a storage, a database or a hook that does not answer");
  log::flush();
  std::_Exit(1);
}

}  // namespace

void Server::run() {
  Parts& parts = *parts_;
  const auto idle_limit = parts.session_rules.idle_timeout;
  const auto transferring = [&parts] {
    for (const auto& connection : parts.registry->list()) {
      if (!connection.active_transfers.empty()) return true;
    }
    return false;
  };
  const LifecycleActions actions{
      .reload = [this] { reload(); },
      .rotate =
          [] {
            if (auto rotated = log::rotate(); !rotated) log::error("server", "", "{}", rotated.error().message);
          },
      .tick =
          [&] {
            parts.registry->close_idle(idle_limit);
            parts.ledger->tick();
            parts.door->tick();
            (void)expiry_now_ms();  // says so when the clock was set back
          },
      .stop_accepting =
          [&] {
            parts.ssh->stop_listening();
            parts.http->drain();
          },
      .busy = [&] { return transferring() || parts.http->connections() > 0; },
      .close_all =
          [&] {
            parts.ssh->disconnect_all("the server is shutting down");
            parts.http->close();
          },
      .gone = [&] { return parts.ssh->connections() == 0 && parts.http->connections() == 0; },
  };
  run_until_stopped(actions, {.grace = parts.options.grace});
  parts.scans->stop(std::chrono::seconds(5));
  parts.ledger->close();
  parts.threads.stop();
  parts.events->stop();
  parts.hooks->close(std::chrono::seconds(5));
  if (!finish_blocking_work(std::chrono::seconds(5))) leave_at_once();
  log::info("server", "", "stopped");
}

Result<void> init_provider(const config::Loaded& loaded, const fs::path& directory, const LoadData& load) {
  auto provider = open_provider(loaded.config.data_provider, directory, true);
  if (!provider) return fail(provider.error());
  if (load.file.empty()) return {};
  auto rules = account_options(loaded.config);
  if (!rules) return fail(rules.error());
  rules->protected_paths = own_paths(loaded.config, directory, loaded.file, {});
  store::Accounts accounts(**provider, std::move(*rules));
  auto report = load_data(accounts, load, {});  // nobody delivers now
  if (!report) return fail(report.error());
  return {};
}

}  // namespace ferry::server
