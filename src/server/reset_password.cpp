#include "server/server.h"
#include "server/settings.h"

namespace ferry::server {

Result<void> reset_admin_password(const config::Loaded& loaded, const std::filesystem::path& directory,
                                  const std::string& admin, const crypto::Secret& password) {
  if (loaded.config.data_provider.driver == "memory") {
    return fail(ErrorCode::unsupported, "the memory provider has no administrator between two starts");
  }
  auto provider = open_provider(loaded.config.data_provider, directory, false);
  if (!provider) return fail(provider.error());
  auto rules = account_options(loaded.config);
  if (!rules) return fail(rules.error());
  return store::Accounts(**provider, std::move(*rules)).reset_admin_password(admin, password.text());
}

}  // namespace ferry::server
