// From the configuration to the hooks: which there are, what they are given, and what they may take.
#pragma once

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "config/config.h"
#include "events/hook.h"

namespace ferry::server {

// The sections `command` and `http`. invalid_argument names the key that is wrong.
Result<std::unique_ptr<events::Hooks>> make_hooks(const config::Config& config, const std::filesystem::path& directory);

// Whether the key's value can be a hook, or is empty; invalid_argument names the key.
Result<void> check_hook(const std::string& key, const std::string& where);

}  // namespace ferry::server
