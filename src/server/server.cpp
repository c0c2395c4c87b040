#include "server/server.h"

#include <sys/stat.h>

#include <cstdlib>
#include <iostream>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/task.h"
#include "server/first_admin.h"
#include "server/hooks.h"
#include "server/http/front.h"
#include "server/io_threads.h"
#include "server/lifecycle.h"
#include "server/load_data.h"
#include "server/own_paths.h"
#include "server/running_mark.h"
#include "server/services.h"
#include "server/settings.h"
#include "server/ssh/front.h"
#include "server/unbuilt.h"
#include "server/version.h"
#include "session/scan_loaded.h"

namespace ferry::server {

namespace fs = std::filesystem;

// What is declared first goes last. Connections live in the io_contexts of `threads`: what they use stands above it,
// and the fronts that bring them below.
struct Server::Parts {
  ~Parts() {
    watch.request_stop();
    threads.stop();
  }

  config::Loaded loaded;
  StartOptions options;
  std::unique_ptr<Services> services;
  std::optional<RunningMark> mark;  // none: portable
  IoThreads threads;
  std::vector<std::unique_ptr<Front>> fronts;  // the first one that has an address is the one shown to newcomers
  std::jthread watch;                          // names accounts that lie in directories of the server's own

  Result<void> make_fronts(std::vector<std::string>& warnings);
  rest::ServicesStatus status() const;
  std::vector<Endpoint> endpoints() const;
  bool busy() const;
  std::size_t connections() const;
};

namespace {

// Where a client on this machine finds what listens on `address`.
std::string reachable(const std::string& address) {
  if (address.empty() || address == "0.0.0.0" || address == "::") return "127.0.0.1";
  return address;
}

Welcome welcome(NewAdmin admin, const fs::path& directory, const std::vector<Endpoint>& endpoints) {
  Welcome text{.admin = std::move(admin),
               .sftp_host = {},
               .sftp_port = 0,
               .http_url = {},
               .home = (directory / default_data_folder / "user").string()};
  for (const Endpoint& endpoint : endpoints) {
    if (endpoint.service == "SFTP") {
      if (text.sftp_port != 0) continue;
      text.sftp_port = endpoint.port;
      text.sftp_host = reachable(endpoint.address);
    } else if (text.http_url.empty() && !endpoint.address.starts_with('/')) {
      text.http_url =
          (endpoint.service == "HTTPS" ? "https://" : "http://") + shown(reachable(endpoint.address), endpoint.port);
    }
  }
  return text;
}

std::string ready_line(const std::vector<Endpoint>& endpoints) {
  std::string line = "Ferry " + std::string(version()) + " is ready:";
  for (const Endpoint& endpoint : endpoints)
    line += " " + endpoint.service + " " + shown(endpoint.address, endpoint.port);
  return line;
}

// Tells who started the server that it runs, and once what a newcomer needs.
void announce(const std::vector<Endpoint>& endpoints, const std::optional<NewAdmin>& new_admin,
              const fs::path& directory) {
  std::cout << ready_line(endpoints) << '\n';
  if (new_admin) std::cout << welcome_text(welcome(*new_admin, directory, endpoints));
  std::cout << std::flush;
}

}  // namespace

// The list of protocols that this program serves.
Result<void> Server::Parts::make_fronts(std::vector<std::string>& warnings) {
  auto ssh = SshFront::make(*services, threads.contexts(), warnings);
  if (!ssh) return fail(ssh.error());
  fronts.push_back(std::move(*ssh));
  fronts.push_back(std::make_unique<HttpFront>(*services, threads.contexts(), [this] { return status(); }));
  return {};
}

rest::ServicesStatus Server::Parts::status() const {
  rest::ServicesStatus all;
  const AdmissionControl& admission = *services->admission;
  all.defender_active = admission.defender() != nullptr;
  all.allow_list_active = loaded.config.common.allowlist_status == 1;
  all.rate_limited_protocols = admission.rate_limited_protocols();
  for (const auto& front : fronts) front->status(all);
  return all;
}

std::vector<Endpoint> Server::Parts::endpoints() const {
  std::vector<Endpoint> all;
  for (const auto& front : fronts) {
    for (Endpoint& endpoint : front->endpoints()) all.push_back(std::move(endpoint));
  }
  return all;
}

bool Server::Parts::busy() const {
  for (const auto& front : fronts) {
    if (front->busy()) return true;
  }
  for (const auto& connection : services->entrance->sessions.registry->list()) {
    if (!connection.active_transfers.empty()) return true;
  }
  return false;
}

std::size_t Server::Parts::connections() const {
  std::size_t count = 0;
  for (const auto& front : fronts) count += front->count();
  return count;
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(config::Loaded loaded, StartOptions options) {
  auto parts = std::make_unique<Parts>();
  parts->loaded = std::move(loaded);
  parts->options = std::move(options);
  const config::Config& config = parts->loaded.config;
  if (!config.common.umask.empty()) ::umask(static_cast<mode_t>(std::stoul(config.common.umask, nullptr, 8)) & 0777U);
  std::vector<std::string> warnings = parts->loaded.warnings;
  for (auto& warning : unbuilt_warnings(config)) warnings.push_back(std::move(warning));
  log::info("server", "", "Ferry {} starts, configuration: {}", version(),
            parts->loaded.file.empty() ? "defaults" : parts->loaded.file.string());
  auto made = Services::make(config,
                             {.directory = parts->options.directory,
                              .configuration_file = parts->loaded.file,
                              .log_file = parts->options.log_file,
                              .protects_own_paths = !parts->options.only_account},
                             warnings);
  if (!made) return fail(made.error());
  parts->services = std::move(*made);
  Services& services = *parts->services;
  std::optional<NewAdmin> new_admin;
  const auto make_first_admin = [&]() -> Result<void> {
    auto first =
        create_first_admin(*services.accounts, config.data_provider.create_default_admin, parts->loaded.environment);
    if (!first) return fail(first.error());
    new_admin = std::move(*first);
    return {};
  };
  // The one from the environment comes before a dump, as in SFTPGo: it is made also when the dump has administrators.
  if (config.data_provider.create_default_admin && !parts->options.only_account) {
    if (auto first = make_first_admin(); !first) return fail(first.error());
  }
  const store::LoadListener listener = services.events->stream()->loads({.username = "__system__"});
  const auto loaded_data = load_data(*services.accounts, parts->options.load, listener);
  if (!loaded_data) return fail(loaded_data.error());
  if (auto done = parts->make_fronts(warnings); !done) return fail(done.error());
  if (parts->options.only_account) {
    auto added = services.accounts->add_user(*parts->options.only_account);
    if (!added) return fail(added.error());
  }
  for (const auto& front : parts->fronts) {
    if (auto done = front->listen(warnings); !done) return fail(done.error());
  }
  if (auto told = run_startup_hook(config.common, *services.hooks); !told) return fail(told.error());
  for (const std::string& warning : warnings) log::warn("config", "", "{}", warning);
  // Only now, when nothing else can fail: a password that is printed once must not get lost.
  if (!config.data_provider.create_default_admin && !parts->options.only_account) {
    if (auto first = make_first_admin(); !first) return fail(first.error());
  }
  services.start();
  parts->threads.start();
  if (parts->options.load.scan != 0) {
    session::scan_loaded(*services.scans, *services.provider, *loaded_data, parts->options.load.scan == 2);
  }
  if (!parts->options.only_account) {
    parts->mark.emplace(parts->options.directory);
    if (parts->mark->last_was_killed()) services.scans->look_for_leftovers(*services.provider);
  }
  if (services.paths) {
    parts->watch = std::jthread(
        [&services](const std::stop_token& stop) { warn_of_places(*services.paths, *services.provider, stop); });
  }
  if (!parts->options.only_account) announce(parts->endpoints(), new_admin, parts->options.directory);
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

std::string Server::host_key_fingerprint() const {
  const auto keys = parts_->status().ssh.host_keys;
  return keys.empty() ? std::string() : keys.back().fingerprint;
}

void Server::reload() {
  log::info("server", "", "reloading");
  const auto complain = [](const Error& error) { log::error("server", "", "not reloaded: {}", error.message); };
  for (const auto& front : parts_->fronts) {
    for (const Error& error : front->reload()) complain(error);
  }
  if (auto read = parts_->services->admission->reload(); !read) complain(read.error());
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
  const LifecycleActions actions{
      .reload = [this] { reload(); },
      .rotate =
          [] {
            if (auto rotated = log::rotate(); !rotated) log::error("server", "", "{}", rotated.error().message);
          },
      .tick = [&] { parts.services->tick(); },
      .stop_accepting =
          [&] {
            for (const auto& front : parts.fronts) front->drain();
          },
      .busy = [&] { return parts.busy(); },
      .close_all =
          [&] {
            for (const auto& front : parts.fronts) front->end("the server is shutting down");
          },
      .gone = [&] { return parts.connections() == 0; },
  };
  run_until_stopped(actions, {.grace = parts.options.grace});
  parts.services->stop_counting();
  parts.services->stop_storages(std::chrono::seconds(2));
  parts.threads.stop();
  parts.services->stop(std::chrono::seconds(5));
  if (!finish_blocking_work(std::chrono::seconds(5))) leave_at_once();
  if (parts.mark) parts.mark->remove();
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
