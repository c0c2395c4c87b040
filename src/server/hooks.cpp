#include "server/hooks.h"

#include <algorithm>

#include "base/log.h"
#include "server/settings.h"

namespace ferry::server {

namespace {

std::unexpected<Error> wrong(const std::string& key, const std::string& what) {
  return fail(ErrorCode::invalid_argument, key + ": " + what);
}

// command.commands[].hook; fs_actions and the like are the events'.
constexpr std::string_view hook_names[] = {
    "fs_actions",     "provider_actions", "startup",    "post_connect",  "post_disconnect",     "data_retention",
    "check_password", "pre_login",        "post_login", "external_auth", "keyboard_interactive"};

Result<void> check_environment(const std::string& key, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    const std::size_t end = line.find('=');
    if (end == 0 || end == std::string::npos || line.find('\0') != std::string::npos) {
      return wrong(key, "\"" + line.substr(0, end) + "\": expected NAME=value");
    }
  }
  return {};
}

Result<events::HookOptions> hook_options(const config::Command& config) {
  events::HookOptions options;
  options.timeout = std::chrono::seconds(config.timeout);
  options.environment = config.env;
  if (auto good = check_environment("command.env", config.env); !good) return fail(good.error());
  for (std::size_t i = 0; i < config.commands.size(); ++i) {
    const config::Command::Specific& one = config.commands[i];
    const std::string key = "command.commands[" + std::to_string(i) + "]";
    if (!one.path.starts_with('/')) return wrong(key + ".path", "expected an absolute path");
    if (auto good = check_environment(key + ".env", one.env); !good) return fail(good.error());
    if (!one.hook.empty() && std::ranges::find(hook_names, one.hook) == std::end(hook_names)) {
      return wrong(key + ".hook", "\"" + one.hook + "\" is no hook");
    }
    options.commands.push_back({.path = one.path,
                                .hook = one.hook,
                                .timeout = std::chrono::seconds(one.timeout),
                                .environment = one.env,
                                .arguments = one.args});
  }
  return options;
}

}  // namespace

Result<std::unique_ptr<events::Hooks>> make_hooks(const config::Config& config,
                                                  const std::filesystem::path& directory) {
  auto options = hook_options(config.command);
  if (!options) return fail(options.error());
  auto client = http_client_options(config.http, directory);
  if (!client) return fail(client.error());
  return std::make_unique<events::Hooks>(std::move(*options), std::move(*client));
}

Result<void> check_hook(const std::string& key, const std::string& where) {
  if (where.empty()) return {};
  const auto usable = events::check_hook(where);
  return usable ? usable : wrong(key, usable.error().message);
}

Result<auth::LoginHookOptions> login_hooks(const config::DataProvider& config, events::Hooks& hooks,
                                           store::Accounts& accounts) {
  const std::pair<const char*, const std::string&> places[] = {
      {"data_provider.external_auth_hook", config.external_auth_hook},
      {"data_provider.pre_login_hook", config.pre_login_hook},
      {"data_provider.check_password_hook", config.check_password_hook},
      {"data_provider.post_login_hook", config.post_login_hook}};
  for (const auto& [key, where] : places) {
    if (auto good = check_hook(key, where); !good) return fail(good.error());
  }
  if (!config.external_auth_hook.empty() && !config.pre_login_hook.empty()) {
    log::warn("config", "", "data_provider.pre_login_hook: not asked, because external_auth_hook is set");
  }
  return auth::LoginHookOptions{.hooks = &hooks,
                                .accounts = &accounts,
                                .external_auth = config.external_auth_hook,
                                .external_auth_scope = static_cast<unsigned>(config.external_auth_scope),
                                .pre_login = config.pre_login_hook,
                                .check_password = config.check_password_hook,
                                .check_password_scope = static_cast<unsigned>(config.check_password_scope),
                                .post_login = config.post_login_hook,
                                .post_login_scope = config.post_login_scope};
}

Result<ConnectHooks> connect_hooks(const config::Common& config, events::Hooks& hooks) {
  for (const auto& [key, where] :
       {std::pair<const char*, const std::string&>{"common.post_connect_hook", config.post_connect_hook},
        {"common.post_disconnect_hook", config.post_disconnect_hook}}) {
    if (auto good = check_hook(key, where); !good) return fail(good.error());
  }
  return ConnectHooks(&hooks, config.post_connect_hook, config.post_disconnect_hook);
}

Result<void> run_startup_hook(const config::Common& config, events::Hooks& hooks) {
  if (auto good = check_hook("common.startup_hook", config.startup_hook); !good) return good;
  if (config.startup_hook.empty()) return {};
  hooks.start({.name = "startup", .where = config.startup_hook, .method = "GET", .retried = true});
  return {};
}

}  // namespace ferry::server
