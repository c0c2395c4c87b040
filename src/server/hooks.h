// From the configuration to the hooks: which there are, what they are given, and what they may take.
#pragma once

#include <filesystem>
#include <memory>

#include "auth/login_hooks.h"
#include "base/error.h"
#include "config/config.h"
#include "events/hook.h"
#include "server/connect_hooks.h"
#include "store/accounts.h"

namespace ferry::server {

// The sections `command` and `http`. invalid_argument names the key that is wrong.
Result<std::unique_ptr<events::Hooks>> make_hooks(const config::Config& config, const std::filesystem::path& directory);

// The hooks around logins and connections. invalid_argument names the key that is wrong.
Result<auth::LoginHookOptions> login_hooks(const config::DataProvider& config, events::Hooks& hooks,
                                           store::Accounts& accounts);
Result<ConnectHooks> connect_hooks(const config::Common& config, events::Hooks& hooks);
// Runs common.startup_hook, in the background. invalid_argument as above.
Result<void> run_startup_hook(const config::Common& config, events::Hooks& hooks);

// Whether the key's value can be a hook, or is empty; invalid_argument names the key.
Result<void> check_hook(const std::string& key, const std::string& where);

}  // namespace ferry::server
