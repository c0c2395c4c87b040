// What the server keeps on this machine for itself, so that no account is given any of it.
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>

#include "base/protected_paths.h"
#include "config/config.h"
#include "model/user.h"
#include "store/provider.h"

namespace ferry::server {

// Where accounts lie in the configuration directory unless data_provider.users_base_dir says otherwise.
inline constexpr const char* default_data_folder = "data";

// Everything that the configuration names: `directory` itself, database, dumps, host keys, certificates, lists,
// programs of hooks, the log. `file`: the configuration's; `log_file`: empty when there is none. Blocks.
std::shared_ptr<const ProtectedPaths> own_paths(const config::Config& config, const std::filesystem::path& directory,
                                                const std::filesystem::path& file,
                                                const std::filesystem::path& log_file);

// Whether an account, with the settings of its groups, may use its directories; permission_denied says which may not.
// `at_once`: by their text alone, without blocking.
Result<void> check_places(const ProtectedPaths& paths, const model::User& user, bool at_once);

// Warns of every account, group and folder that is in the way: they were stored before, or the configuration has
// changed. May take long and blocks; ends early when it is told to.
void warn_of_places(const ProtectedPaths& paths, store::Provider& provider, std::stop_token stop);

}  // namespace ferry::server
