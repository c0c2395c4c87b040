#include "server/settings.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <climits>
#include <fstream>
#include <span>

#include "server/storages.h"
#include "server/version.h"
#include "ssh/kex/key_agreement.h"
#include "store/memory/memory_provider.h"
#include "store/sqlite/sqlite_provider.h"

namespace ferry::server {

namespace {

namespace fs = std::filesystem;

crypto::PasswordHashing hashing_of(const config::DataProvider::PasswordHashing& config) {
  crypto::PasswordHashing hashing;
  hashing.algorithm = config.algo == "argon2id" ? crypto::PasswordHashing::Algorithm::argon2id
                                                : crypto::PasswordHashing::Algorithm::bcrypt;
  hashing.bcrypt_cost = config.bcrypt_options.cost;
  hashing.argon2_memory = static_cast<std::uint32_t>(config.argon2_options.memory);
  hashing.argon2_iterations = static_cast<std::uint32_t>(config.argon2_options.iterations);
  hashing.argon2_parallelism = static_cast<std::uint8_t>(config.argon2_options.parallelism);
  return hashing;
}

std::size_t limit_of(int value) { return value > 0 ? static_cast<std::size_t>(value) : 0; }

// The process's, when none is configured. Reading it means setting it: done before any thread runs.
std::uint32_t umask_of(const std::string& octal) {
  if (!octal.empty()) return static_cast<std::uint32_t>(std::stoul(octal, nullptr, 8)) & 0777U;
  const mode_t current = ::umask(022);
  ::umask(current);
  return current;
}

// sftpd.compatibility: clients that talked to SFTPGo find what they chose there. Some (JSch 0.1.5x, phpseclib 2)
// have no modern key agreement but those on NIST's curves, and `known_hosts` may hold the ECDSA key alone.
bool is_like_sftpgo(const config::Sftpd& sftpd) { return sftpd.compatibility == "sftpgo"; }

// The default, and NIST's curves.
std::vector<std::string> sftpgo_key_agreements() {
  std::vector<std::string> names;
  for (const auto& method : ssh::key_agreements()) {
    if (method.by_default || method.name.starts_with("ecdh-")) names.emplace_back(method.name);
  }
  return names;
}

// NIST's curves are offered for the host keys that an operator names, not for the one that is made by itself.
std::vector<std::string> default_host_key_algorithms(bool keys_named) {
  std::vector<std::string> names;
  for (const auto& algorithm : ssh::host_key_algorithms()) {
    const bool curve = algorithm.signature.starts_with("ecdsa-");
    if (algorithm.by_default || (keys_named && curve)) names.emplace_back(algorithm.name);
  }
  return names;
}

Result<ssh::AlgorithmOffer> algorithms_of(const config::Sftpd& sftpd) {
  using ssh::AlgorithmKind;
  const struct {
    const char* key;
    AlgorithmKind kind;
    const std::vector<std::string>& names;
  } lists[] = {{"kex_algorithms", AlgorithmKind::key_agreement, sftpd.kex_algorithms},
               {"host_key_algorithms", AlgorithmKind::host_key, sftpd.host_key_algorithms},
               {"ciphers", AlgorithmKind::cipher, sftpd.ciphers},
               {"macs", AlgorithmKind::mac, sftpd.macs},
               {"public_key_algorithms", AlgorithmKind::public_key, sftpd.public_key_algorithms}};
  for (const auto& list : lists) {
    const auto checked = ssh::check_algorithms(list.kind, list.names);
    if (!checked) return fail(checked.error().code, std::string("sftpd.") + list.key + ": " + checked.error().message);
  }
  ssh::AlgorithmOffer offer{.key_agreements = sftpd.kex_algorithms,
                            .host_key_algorithms = sftpd.host_key_algorithms,
                            .ciphers = sftpd.ciphers,
                            .macs = sftpd.macs,
                            .public_keys = sftpd.public_key_algorithms};
  if (offer.host_key_algorithms.empty()) {
    const bool named = !sftpd.host_keys.empty() || !sftpd.host_certificates.empty();
    offer.host_key_algorithms = default_host_key_algorithms(named || is_like_sftpgo(sftpd));
  }
  if (offer.key_agreements.empty() && is_like_sftpgo(sftpd)) offer.key_agreements = sftpgo_key_agreements();
  return offer;
}

Result<std::string> read_file(const std::string& key, const fs::path& file, std::size_t limit) {
  std::ifstream in(file, std::ios::binary);
  std::string text;
  char piece[16 * 1024];
  while (in && text.size() <= limit) {
    in.read(piece, sizeof piece);
    text.append(piece, static_cast<std::size_t>(in.gcount()));
  }
  if (!in.eof() && text.size() <= limit) {
    return fail(ErrorCode::io_error, key + ": " + file.string() + ": cannot be read");
  }
  if (text.size() > limit) {
    return fail(ErrorCode::invalid_argument,
                key + ": " + file.string() + ": larger than " + std::to_string(limit / 1024) + " KiB");
  }
  return text;
}

}  // namespace

model::NamingRules naming_of(const config::DataProvider& config) {
  // The older key of the two that let names hold any character.
  const unsigned any_character = config.skip_natural_keys_validation ? 1U : 0U;
  return {.value = static_cast<unsigned>(config.naming_rules) | any_character};
}

Result<std::string> read_setting_file(const std::string& key, const fs::path& file, std::size_t limit) {
  auto text = read_file(key, file, limit);
  while (text && (text->ends_with('\n') || text->ends_with('\r'))) text->pop_back();
  return text;
}

Result<std::unique_ptr<store::Provider>> open_provider(const config::DataProvider& config, const fs::path& directory,
                                                       bool make_schema) {
  if (config.driver == "memory") return store::make_memory_provider();
  if (config.driver != "sqlite") {
    return fail(ErrorCode::unsupported,
                "data_provider.driver: " + config.driver + " is not built yet, expected sqlite or memory");
  }
  if (config.name.empty()) {
    return fail(ErrorCode::invalid_argument, "data_provider.name: expected the name of a database file");
  }
  store::SqliteOptions options;
  options.path = (directory / config.name).string();
  options.create_schema = make_schema;
  if (config.pool_size > 1) options.connections = static_cast<unsigned>(std::min(config.pool_size, 64));
  auto provider = store::open_sqlite(options);
  if (!provider) return fail(provider.error().code, "data_provider: " + options.path + ": " + provider.error().message);
  return provider;
}

Result<store::AccountOptions> account_options(const config::Config& config) {
  store::AccountOptions options;
  options.users.naming = naming_of(config.data_provider);
  options.users.users_base_dir = config.data_provider.users_base_dir;
  options.hashing = hashing_of(config.data_provider.password_hashing);
  options.min_user_entropy = config.data_provider.password_validation.users.min_entropy;
  options.min_admin_entropy = config.data_provider.password_validation.admins.min_entropy;
  options.min_secret_entropy = config.common.secret_min_entropy;
  options.can_open = is_built;
  const auto& secrets = config.kms.secrets;
  if (!secrets.master_key.empty()) {
    options.master_key = crypto::Secret(secrets.master_key);
  } else if (!secrets.master_key_path.empty()) {
    auto key = read_setting_file("kms.secrets.master_key_path", secrets.master_key_path);
    if (!key) return fail(key.error());
    options.master_key = crypto::Secret(*key);
    crypto::wipe(key->data(), key->size());
  }
  return options;
}

auth::LoginOptions login_options(const config::Config& config) {
  auth::LoginOptions options;
  options.naming = naming_of(config.data_provider);
  options.hashing = hashing_of(config.data_provider.password_hashing);
  options.password_caching = config.data_provider.password_caching;
  options.local_time = config.common.tz == "local";
  options.obstacle = storage_obstacle;
  for (const auto& totp : config.mfa.totp) {
    // The algorithm was checked by the schema.
    options.totp.push_back({totp.name, crypto::totp_algorithm(totp.algo).value(), totp.issuer});
  }
  return options;
}

Result<auth::TokenOptions> token_options(const config::Config& config, const fs::path& directory) {
  const config::Httpd& httpd = config.httpd;
  auth::TokenOptions options;
  options.signing_passphrase = crypto::Secret(httpd.signing_passphrase);
  if (!httpd.signing_passphrase_file.empty()) {
    auto text = read_setting_file("httpd.signing_passphrase_file", directory / httpd.signing_passphrase_file);
    if (!text) return fail(text.error());
    options.signing_passphrase = crypto::Secret(*text);
    crypto::wipe(text->data(), text->size());
  }
  options.lifetime = std::chrono::minutes(httpd.jwt_lifetime);
  options.check_address = (httpd.token_validation & 1) == 0;
  options.local_time = config.common.tz == "local";
  return options;
}

presence::Limits connection_limits(const config::Common& config) {
  return {.max_total_connections = limit_of(config.max_total_connections),
          .max_per_host_connections = limit_of(config.max_per_host_connections)};
}

presence::OpenBudget::Limits open_limits(const config::Common& config, std::vector<std::string>& warnings) {
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0) descriptors.rlim_cur = 1024;
  constexpr rlim_t more_than_any = 1U << 30U;
  const auto total = static_cast<std::size_t>(std::min(descriptors.rlim_cur, more_than_any));
  // A quarter stays for connections, logins, REST, databases and logs. What is open costs up to two descriptors: the
  // file's own, and for an upload that of its directory.
  const std::size_t most = std::max<std::size_t>(1, (total - total / 4) / 2);
  presence::OpenBudget::Limits limits{.each = 0, .all = most};
  if (config.max_open_files > 0) limits.all = std::min(most, static_cast<std::size_t>(config.max_open_files));
  limits.each = std::max<std::size_t>(1, limits.all / 2);
  const auto own = static_cast<std::size_t>(config.max_open_files_per_account);
  if (own > 0) limits.each = std::min(limits.all, own);
  if (static_cast<std::size_t>(config.max_open_files) > most) {
    warnings.push_back("common.max_open_files: " + std::to_string(most) + " is the most that the process's limit of " +
                       std::to_string(total) + " descriptors allows");
  }
  return limits;
}

Result<session::Options> session_options(const config::Common& config, const fs::path& directory) {
  session::Options options;
  if (!config.temp_path.empty()) {
    std::error_code error;
    const fs::path where = fs::canonical(directory / config.temp_path, error);
    if (error || !fs::is_directory(where, error)) {
      return fail(ErrorCode::invalid_argument, "common.temp_path: no directory: " + config.temp_path);
    }
    options.temp_path = where.string();
  }
  options.upload_mode = static_cast<session::UploadMode>(std::min(config.upload_mode & 3, 2));
  options.setstat_mode = static_cast<session::SetstatMode>(config.setstat_mode);
  options.symlink_mode = static_cast<unsigned>(config.symlink_mode);
  options.rename_mode = config.rename_mode;
  options.umask = umask_of(config.umask);
  options.idle_timeout = std::chrono::minutes(config.idle_timeout);
  return options;
}

quota::Options quota_options(const config::DataProvider& config) {
  return {.tracking = static_cast<quota::Tracking>(config.track_quota),
          .delay = std::chrono::seconds(config.delayed_quota_update)};
}

Result<ssh::ServerOptions> ssh_options(const config::Config& config) {
  const config::Sftpd& sftpd = config.sftpd;
  ssh::ServerOptions options;
  // If they were ignored, users whom opkssh should let in would be refused and nobody would know why.
  for (const auto& [key, value] : {std::pair<const char*, const std::string&>{"opkssh_path", sftpd.opkssh_path},
                                   {"opkssh_checksum", sftpd.opkssh_checksum}}) {
    if (value.empty()) continue;
    return fail(ErrorCode::unsupported, std::string("sftpd.") + key +
                                            ": OpenPubkey SSH is not supported; remove the key, and see "
                                            "sftpd.trusted_user_ca_keys for logins by certificate");
  }
  if (config.common.server_version != "short") options.software += "_" + std::string(version());
  if (!sftpd.banner.empty()) options.software = sftpd.banner;
  if (sftpd.max_auth_tries != 0) options.max_auth_tries = sftpd.max_auth_tries > 0 ? sftpd.max_auth_tries : INT_MAX;
  options.login_grace_time = std::chrono::seconds(sftpd.login_grace_time);
  auto offer = algorithms_of(sftpd);
  if (!offer) return fail(offer.error());
  options.offer = std::move(*offer);
  return options;
}

Result<sftp::Options> sftp_options(const config::Sftpd& config) {
  auto prefix = VirtualPath::parse(config.folder_prefix);
  if (!prefix) return fail(prefix.error().code, "sftpd.folder_prefix: " + prefix.error().message);
  return sftp::Options{.max_handles = static_cast<std::size_t>(config.max_handles),
                       .rename_replaces = config.rename_replaces,
                       .folder_prefix = std::move(*prefix),
                       .product_version = std::string(version())};
}

Result<ssh::UserTrust> user_trust(const config::Sftpd& config, const fs::path& directory) {
  constexpr std::size_t longest_list = std::size_t{16} * 1024 * 1024;
  ssh::UserTrust trust;
  for (const std::string& name : config.trusted_user_ca_keys) {
    const std::string key = "sftpd.trusted_user_ca_keys";
    const auto text = read_setting_file(key, directory / name);
    if (!text) return fail(text.error());
    auto authorities = ssh::parse_authorities(*text);
    if (!authorities) {
      return fail(ErrorCode::invalid_argument, key + ": " + name + ": " + authorities.error().message);
    }
    for (auto& authority : *authorities) trust.authorities.push_back(std::move(authority));
  }
  if (!config.revoked_user_certs_file.empty()) {
    const std::string key = "sftpd.revoked_user_certs_file";
    const auto content = read_file(key, directory / config.revoked_user_certs_file, longest_list);
    if (!content) return fail(content.error());
    auto list = ssh::RevocationList::parse(as_bytes(*content));
    if (!list) {
      return fail(ErrorCode::invalid_argument,
                  key + ": " + config.revoked_user_certs_file + ": " + list.error().message);
    }
    trust.revoked = std::move(*list);
  }
  return trust;
}

Result<http::ClientOptions> http_client_options(const config::Http& config, const fs::path& directory) {
  http::ClientOptions options;
  options.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(config.timeout * 1000));
  options.retry_max = config.retry_max;
  options.retry_wait_min = std::chrono::seconds(config.retry_wait_min);
  options.retry_wait_max = std::chrono::seconds(std::max(config.retry_wait_min, config.retry_wait_max));
  options.skip_tls_verify = config.skip_tls_verify;
  for (const auto& certificate : config.certificates) {
    const auto chain = read_setting_file("http.certificates", directory / certificate.cert);
    if (!chain) return fail(chain.error());
    auto key = read_setting_file("http.certificates", directory / certificate.key);
    if (!key) return fail(key.error());
    options.certificates.push_back({*chain, *key});
    crypto::wipe(key->data(), key->size());
  }
  if (auto usable = http::Client::check(options); !usable) {
    return fail(ErrorCode::invalid_argument, "http.certificates: " + usable.error().message);
  }
  for (const std::string& file : config.ca_certificates) {
    const auto text = read_setting_file("http.ca_certificates", directory / file);
    if (!text) return fail(text.error());
    options.ca_certificates += *text + "\n";
  }
  for (const auto& header : config.headers) options.headers.push_back({header.key, header.value, header.url});
  return options;
}

http::TlsOptions tls_options(const config::Httpd& config, const config::Httpd::Binding& binding,
                             const fs::path& directory) {
  const auto located = [&](const std::string& own, const std::string& shared) {
    return (directory / (own.empty() ? shared : own)).string();
  };
  const auto all_located = [&](const std::vector<std::string>& files) {
    std::vector<std::string> paths;
    for (const std::string& file : files) paths.push_back((directory / file).string());
    return paths;
  };
  http::TlsOptions options;
  options.certificate_file = located(binding.certificate_file, config.certificate_file);
  options.key_file = located(binding.certificate_key_file, config.certificate_key_file);
  options.min_version = binding.min_tls_version;
  options.cipher_suites = binding.tls_cipher_suites;
  options.ca_certificates = all_located(config.ca_certificates);
  options.ca_revocation_lists = all_located(config.ca_revocation_lists);
  options.require_client_certificate = binding.client_auth_type == 1;
  return options;
}

}  // namespace ferry::server
