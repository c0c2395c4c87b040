// Where an account's or a folder's files lie: the REST schema FilesystemConfig, with every provider's settings.
// Field names are those of the JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/config_secret.h"

namespace ferry::model {

enum class FilesystemProvider : std::uint8_t {
  local = 0,
  s3 = 1,
  gcs = 2,
  azure_blob = 3,
  encrypted = 4,
  sftp = 5,
  http = 6,
};

// Fields of a storage that this version does not know, kept for those that will: the text of a JSON object, "" none.
// Nothing that looks like a secret is among them, as it could not be encrypted or hidden.
using UnknownFields = std::string;

struct LocalConfig {
  std::int64_t read_buffer_size = 0;   // MiB, 0..10; 0 no buffering
  std::int64_t write_buffer_size = 0;  // MiB, 0..10
  UnknownFields unknown;
  bool operator==(const LocalConfig&) const = default;
};

struct S3Config {
  std::string bucket;
  std::string region;
  std::string access_key;
  ConfigSecret access_secret;
  ConfigSecret sse_customer_key;
  std::string role_arn;
  std::string session_token;
  std::string endpoint;
  std::string storage_class;
  std::string acl;
  std::int64_t upload_part_size = 0;  // MiB
  std::int64_t upload_concurrency = 0;
  std::int64_t upload_part_max_time = 0;  // seconds
  std::int64_t download_part_size = 0;    // MiB
  std::int64_t download_concurrency = 0;
  std::int64_t download_part_max_time = 0;  // seconds
  bool force_path_style = false;
  std::string key_prefix;
  bool skip_tls_verify = false;
  UnknownFields unknown;
  bool operator==(const S3Config&) const = default;
};

struct GcsConfig {
  std::string bucket;
  ConfigSecret credentials;
  std::int64_t automatic_credentials = 0;
  std::string storage_class;
  std::string acl;
  std::string key_prefix;
  std::int64_t upload_part_size = 0;      // MiB
  std::int64_t upload_part_max_time = 0;  // seconds
  UnknownFields unknown;
  bool operator==(const GcsConfig&) const = default;
};

struct AzureBlobConfig {
  std::string container;
  std::string account_name;
  ConfigSecret account_key;
  ConfigSecret sas_url;
  std::string endpoint;
  std::int64_t upload_part_size = 0;  // MiB
  std::int64_t upload_concurrency = 0;
  std::int64_t download_part_size = 0;  // MiB
  std::int64_t download_concurrency = 0;
  std::string access_tier;
  std::string key_prefix;
  bool use_emulator = false;
  UnknownFields unknown;
  bool operator==(const AzureBlobConfig&) const = default;
};

struct EncryptedConfig {
  ConfigSecret passphrase;
  std::int64_t read_buffer_size = 0;   // MiB, 0..10
  std::int64_t write_buffer_size = 0;  // MiB, 0..10
  UnknownFields unknown;
  bool operator==(const EncryptedConfig&) const = default;
};

struct SftpConfig {
  std::string endpoint;  // host:port
  std::string username;
  ConfigSecret password;
  ConfigSecret private_key;
  ConfigSecret key_passphrase;
  std::vector<std::string> fingerprints;
  std::string prefix;
  bool disable_concurrent_reads = false;
  std::int64_t buffer_size = 0;  // MiB, 0..16
  std::int64_t equality_check_mode = 0;
  UnknownFields unknown;
  bool operator==(const SftpConfig&) const = default;
};

struct HttpConfig {
  std::string endpoint;
  std::string username;
  ConfigSecret password;
  ConfigSecret api_key;
  bool skip_tls_verify = false;
  std::int64_t equality_check_mode = 0;
  UnknownFields unknown;
  bool operator==(const HttpConfig&) const = default;
};

struct FilesystemConfig {
  FilesystemProvider provider = FilesystemProvider::local;
  LocalConfig osconfig;
  S3Config s3config;
  GcsConfig gcsconfig;
  AzureBlobConfig azblobconfig;
  EncryptedConfig cryptconfig;
  SftpConfig sftpconfig;
  HttpConfig httpconfig;
  UnknownFields unknown;
  bool operator==(const FilesystemConfig&) const = default;
};

// Calls `act(ConfigSecret&)` on every secret of a filesystem.
template <class Config, class Act>
void for_each_secret(Config& config, Act act) {
  act(config.s3config.access_secret);
  act(config.s3config.sse_customer_key);
  act(config.gcsconfig.credentials);
  act(config.azblobconfig.account_key);
  act(config.azblobconfig.sas_url);
  act(config.cryptconfig.passphrase);
  act(config.sftpconfig.password);
  act(config.sftpconfig.private_key);
  act(config.sftpconfig.key_passphrase);
  act(config.httpconfig.password);
  act(config.httpconfig.api_key);
}

}  // namespace ferry::model
