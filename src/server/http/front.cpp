#include "server/http/front.h"

#include "protocols/rest/rest.h"
#include "server/settings.h"
#include "server/version.h"

namespace ferry::server {

namespace {

// Whether the binding is to be opened: a path needs no port.
bool is_open(const config::Httpd::Binding& binding) { return binding.port != 0 || binding.address.starts_with('/'); }

Endpoint endpoint_of(const config::Httpd::Binding& binding) {
  return {binding.enable_https ? "HTTPS" : "HTTP", binding.address, static_cast<int>(binding.port)};
}

http::Router router_of(Services& services, std::function<rest::ServicesStatus()> status) {
  http::Router router;
  const session::Services& sessions = services.entrance->sessions;
  rest::VersionInfo about{.version = std::string(version()),
                          .build_date = std::string(build_date()),
                          .commit_hash = std::string(commit()),
                          .features = {"-metrics", "+azblob", "+gcs", "+s3", "-bolt", "-mysql", "-pgsql", "+sqlite",
                                       "+unixcrypt", "+portable"}};
  rest::LoginParts logins{.authenticator = *services.authenticator,
                          .tokens = *services.tokens,
                          .api_keys = *services.api_keys,
                          .defender = services.admission->defender(),
                          .lets_in = [connect = services.entrance->connect](std::string ip) {
                            return connect.lets_in(std::move(ip), "HTTP");
                          }};
  rest::add_routes(router,
                   {.accounts = *services.accounts,
                    .logins = std::move(logins),
                    .sessions = {.registry = sessions.registry, .ledger = sessions.ledger, .scans = services.scans},
                    .server = {.version = std::move(about), .status = std::move(status)},
                    .events = {.stream = sessions.events, .retry = [&services] { services.events->retry(); }},
                    .storage_checks = {.run =
                                           [&services](rest::StorageCheck check) {
                                             return services.storage_checks->run(std::move(check));
                                           },
                                       .open_to_roles = services.config.httpd.allow_storage_checks},
                    .backups = services.directory / services.config.data_provider.backups_path});
  return router;
}

}  // namespace

HttpFront::HttpFront(Services& services, std::vector<asio::io_context*> contexts,
                     std::function<rest::ServicesStatus()> status)
    : services_(services) {
  http::ServerOptions options;
  if (services.config.common.server_version != "short") options.server_name += "/" + std::string(version());
  http_ =
      std::make_unique<http::Server>(std::move(contexts), router_of(services, std::move(status)), std::move(options));
}

Result<void> HttpFront::listen_on(const config::Httpd::Binding& configured, const std::string& key) {
  http::Binding binding;
  binding.address = configured.address;
  binding.port = static_cast<std::uint16_t>(configured.port);
  binding.gatekeeper = services_.admission->keeper();
  // Who says for whom a proxy speaks: the PROXY protocol, or a field of the requests.
  if (configured.proxy_mode == 1) {
    binding.proxy = services_.proxy;
  } else {
    // Whoever may open a Unix-domain socket was let in by its file's mode.
    std::vector<std::string> trusted = configured.proxy_allowed;
    if (configured.address.starts_with('/')) trusted.emplace_back("127.0.0.1");
    binding.client_address = {.field = configured.client_ip_proxy_header,
                              .depth = configured.client_ip_header_depth,
                              .proxies = NetworkSet::of(trusted)};
  }
  if (configured.enable_https) {
    auto context = http::TlsContext::create(tls_options(config(), configured, services_.directory));
    if (!context) return fail(context.error().code, key + ": " + context.error().message);
    tls_.push_back(*context);
    binding.tls = *context;
  }
  return check_listening("httpd", key, endpoint_of(configured), http_->listen(binding));
}

Result<void> HttpFront::listen(std::vector<std::string>& warnings) {
  const auto& bindings = config().bindings;
  for (std::size_t i = 0; i < bindings.size(); ++i) {
    const std::string key = "httpd.bindings[" + std::to_string(i) + "]";
    if (!is_open(bindings[i])) continue;
    if (!bindings[i].enable_rest_api) {
      warnings.push_back(key + ": not opened, because the browser interface is not built yet and REST is off");
      continue;
    }
    auto listening = listen_on(bindings[i], key);
    if (!listening) return listening;
  }
  return {};
}

std::vector<Error> HttpFront::reload() {
  std::vector<Error> errors;
  for (const auto& context : tls_) {
    if (auto again = context->reload(); !again) errors.push_back(again.error());
  }
  return errors;
}

std::vector<Endpoint> HttpFront::endpoints() const {
  std::vector<Endpoint> all;
  for (const auto& binding : config().bindings) {
    if (is_open(binding) && binding.enable_rest_api) all.push_back(endpoint_of(binding));
  }
  return all;
}

}  // namespace ferry::server
