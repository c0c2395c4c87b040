#include "model/checker.h"

namespace ferry::model {

namespace {

constexpr std::string_view secret_statuses[] = {"Plain", "AES-256-GCM",  "Secretbox",    "GCP",
                                                "AWS",   "VaultTransit", "AzureKeyVault"};
constexpr std::string_view access_tiers[] = {"", "Archive", "Hot", "Cool"};

}  // namespace

void Checker::secret(std::string_view field, const ConfigSecret& secret) {
  if (secret.empty()) return;
  const bool known = std::ranges::find(secret_statuses, secret.status) != std::end(secret_statuses);
  if (secret.is_redacted()) {
    require(false, field, "there is no stored secret to keep");
  } else {
    require(known, field, "unknown status \"" + secret.status + "\"");
  }
  require(!secret.is_encrypted() || !secret.payload.empty(), field, "the payload is missing");
  range(field, secret.mode, 0, 1);
}

// Object stores have no root: a prefix is relative, in normal form, and ends with '/'.
void Checker::key_prefix(std::string_view field, std::string& prefix) {
  if (prefix.empty()) return;
  if (!require(!prefix.starts_with('/'), field, "cannot start with \"/\"")) return;
  const auto parsed = VirtualPath::parse(prefix);
  if (!require(parsed.has_value(), field, "not a valid path")) return;
  prefix = parsed->is_root() ? "" : parsed->text().substr(1) + "/";
}

void Checker::s3(S3Config& config) {
  require(!config.bucket.empty(), "filesystem.s3config.bucket", "is required");
  require(!config.region.empty() || !config.endpoint.empty(), "filesystem.s3config.region",
          "is required when there is no endpoint");
  require(config.access_key.empty() == config.access_secret.empty(), "filesystem.s3config.access_secret",
          "access key and secret go together");
  key_prefix("filesystem.s3config.key_prefix", config.key_prefix);
  for (const auto size : {config.upload_part_size, config.download_part_size}) {
    require(size == 0 || (size >= 5 && size <= 5000), "filesystem.s3config", "part sizes are 0 or from 5 to 5000 MB");
  }
  range("filesystem.s3config.upload_concurrency", config.upload_concurrency, 0, 64);
  range("filesystem.s3config.download_concurrency", config.download_concurrency, 0, 64);
  not_negative("filesystem.s3config.upload_part_max_time", config.upload_part_max_time);
  not_negative("filesystem.s3config.download_part_max_time", config.download_part_max_time);
}

void Checker::gcs(GcsConfig& config) {
  require(!config.bucket.empty(), "filesystem.gcsconfig.bucket", "is required");
  range("filesystem.gcsconfig.automatic_credentials", config.automatic_credentials, 0, 1);
  require(config.automatic_credentials == 1 || !config.credentials.empty(), "filesystem.gcsconfig.credentials",
          "is required without automatic_credentials");
  key_prefix("filesystem.gcsconfig.key_prefix", config.key_prefix);
  not_negative("filesystem.gcsconfig.upload_part_size", config.upload_part_size);
  not_negative("filesystem.gcsconfig.upload_part_max_time", config.upload_part_max_time);
}

void Checker::azure(AzureBlobConfig& config) {
  if (config.sas_url.empty()) {
    require(!config.container.empty(), "filesystem.azblobconfig.container", "is required without sas_url");
    require(!config.account_name.empty(), "filesystem.azblobconfig.account_name", "is required without sas_url");
  }
  require(std::ranges::find(access_tiers, config.access_tier) != std::end(access_tiers),
          "filesystem.azblobconfig.access_tier", "unknown value");
  key_prefix("filesystem.azblobconfig.key_prefix", config.key_prefix);
  range("filesystem.azblobconfig.upload_part_size", config.upload_part_size, 0, 100);
  range("filesystem.azblobconfig.upload_concurrency", config.upload_concurrency, 0, 64);
  range("filesystem.azblobconfig.download_part_size", config.download_part_size, 0, 100);
  range("filesystem.azblobconfig.download_concurrency", config.download_concurrency, 0, 64);
}

void Checker::sftp(SftpConfig& config) {
  require(!config.endpoint.empty(), "filesystem.sftpconfig.endpoint", "is required");
  require(!config.username.empty(), "filesystem.sftpconfig.username", "is required");
  require(!config.password.empty() || !config.private_key.empty(), "filesystem.sftpconfig.password",
          "a password or a private key is required");
  if (config.prefix.empty()) config.prefix = "/";
  virtual_path("filesystem.sftpconfig.prefix", config.prefix);
  range("filesystem.sftpconfig.buffer_size", config.buffer_size, 0, 16);
  range("filesystem.sftpconfig.equality_check_mode", config.equality_check_mode, 0, 1);
}

void Checker::http(HttpConfig& config) {
  require(config.endpoint.starts_with("http://") || config.endpoint.starts_with("https://"),
          "filesystem.httpconfig.endpoint", "an http or https URL is required");
  range("filesystem.httpconfig.equality_check_mode", config.equality_check_mode, 0, 1);
}

void Checker::filesystem(FilesystemConfig& config) {
  for_each_secret(config, [this](const ConfigSecret& value) { secret("filesystem", value); });
  switch (config.provider) {
    case FilesystemProvider::local:
      range("filesystem.osconfig.read_buffer_size", config.osconfig.read_buffer_size, 0, 10);
      range("filesystem.osconfig.write_buffer_size", config.osconfig.write_buffer_size, 0, 10);
      return;
    case FilesystemProvider::encrypted: {
      const ConfigSecret& passphrase = config.cryptconfig.passphrase;
      const bool given = !passphrase.empty() && !(passphrase.is_plain() && passphrase.payload.empty());
      require(given, "filesystem.cryptconfig.passphrase", "is required");
      range("filesystem.cryptconfig.read_buffer_size", config.cryptconfig.read_buffer_size, 0, 10);
      range("filesystem.cryptconfig.write_buffer_size", config.cryptconfig.write_buffer_size, 0, 10);
      return;
    }
    case FilesystemProvider::s3: return s3(config.s3config);
    case FilesystemProvider::gcs: return gcs(config.gcsconfig);
    case FilesystemProvider::azure_blob: return azure(config.azblobconfig);
    case FilesystemProvider::sftp: return sftp(config.sftpconfig);
    case FilesystemProvider::http: return http(config.httpconfig);
  }
}

}  // namespace ferry::model
