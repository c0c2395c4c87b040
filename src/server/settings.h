// What each folder needs to know of the configuration, in that folder's own terms.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "auth/login.h"
#include "auth/token.h"
#include "base/error.h"
#include "config/config.h"
#include "http/client.h"
#include "http/tls.h"
#include "protocols/sftp/sftp.h"
#include "session/factory.h"
#include "ssh/keys/user_certificate.h"
#include "ssh/server.h"
#include "store/accounts.h"
#include "store/provider.h"

namespace ferry::server {

// Opens the engine that data_provider.driver names. make_schema: create or update it, else it must be there.
Result<std::unique_ptr<store::Provider>> open_provider(const config::DataProvider& config,
                                                       const std::filesystem::path& directory, bool make_schema);

model::NamingRules naming_of(const config::DataProvider& config);

// Reads kms.secrets.master_key_path where it is set.
Result<store::AccountOptions> account_options(const config::Config& config);
// Without the master key.
auth::LoginOptions login_options(const config::Config& config);
// Reads httpd.signing_passphrase_file where it is set.
Result<auth::TokenOptions> token_options(const config::Config& config, const std::filesystem::path& directory);
presence::Limits connection_limits(const config::Common& config);
// What clients may have open; 0 in the configuration is worked out from the process's limit of descriptors. Adds a
// warning for more than that allows.
presence::OpenBudget::Limits open_limits(const config::Common& config, std::vector<std::string>& warnings);
// invalid_argument: common.temp_path is no directory.
Result<session::Options> session_options(const config::Common& config, const std::filesystem::path& directory);
quota::Options quota_options(const config::DataProvider& config);

// Without host keys. invalid_argument, with all valid names: an algorithm that is not built.
Result<ssh::ServerOptions> ssh_options(const config::Config& config);

Result<sftp::Options> sftp_options(const config::Sftpd& config);

// Reads sftpd.trusted_user_ca_keys and sftpd.revoked_user_certs_file.
Result<ssh::UserTrust> user_trust(const config::Sftpd& config, const std::filesystem::path& directory);

// Reads http.ca_certificates.
Result<http::ClientOptions> http_client_options(const config::Http& config, const std::filesystem::path& directory);

// The TLS settings of one binding; certificate and key from the section where the binding has none.
http::TlsOptions tls_options(const config::Httpd& config, const config::Httpd::Binding& binding,
                             const std::filesystem::path& directory);

// A text file named by a key, of at most `limit` bytes; the error names both. Trailing line ends are cut.
Result<std::string> read_setting_file(const std::string& key, const std::filesystem::path& file,
                                      std::size_t limit = std::size_t{64} * 1024);

}  // namespace ferry::server
