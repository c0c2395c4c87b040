#include "portable_storage.h"

#include <algorithm>

#include "base/contained_file.h"

namespace ferry::app {

namespace {

constexpr std::size_t largest_key_file = 64 * 1024;

struct Kind {
  const char* word;
  const char* number;  // how SFTPGo called it before
  model::FilesystemProvider provider;
};

constexpr Kind kinds[] = {
    {"osfs", "0", model::FilesystemProvider::local},        {"s3fs", "1", model::FilesystemProvider::s3},
    {"gcsfs", "2", model::FilesystemProvider::gcs},         {"azblobfs", "3", model::FilesystemProvider::azure_blob},
    {"cryptfs", "4", model::FilesystemProvider::encrypted}, {"sftpfs", "5", model::FilesystemProvider::sftp}};

constexpr const char* below_prefix = "nothing outside of what begins with it can be reached";
constexpr std::pair<int, int> part_size{0, 5000}, concurrency{0, 64};

void add_s3(Command& command, StorageFlags& flags) {
  model::S3Config& s3 = flags.config.s3config;
  command.add(s3.bucket, {.name = "--s3-bucket", .help = "name of the bucket"});
  command.add(s3.region, {.name = "--s3-region", .help = "region of the bucket"});
  command.add(s3.endpoint, {.name = "--s3-endpoint", .help = "empty: Amazon"});
  command.add(s3.access_key, {.name = "--s3-access-key", .help = "empty: credentials are found as Amazon's tools do"});
  command.add(
      flags.s3_access_secret,
      {.name = "--s3-access-secret", .help = "secret of the access key", .variables = {"PORTABLE_S3_ACCESS_SECRET"}});
  command.add(s3.key_prefix, {.name = "--s3-key-prefix", .help = below_prefix});
  command.add(s3.role_arn, {.name = "--s3-role-arn", .help = "role to take"});
  command.add(s3.storage_class, {.name = "--s3-storage-class", .help = "of what is stored"});
  command.add(s3.acl, {.name = "--s3-acl", .help = "of what is stored"});
  command.add_flag(s3.force_path_style, {.name = "--s3-force-path-style", .help = "the bucket stands in the path"});
  command.add_flag(s3.skip_tls_verify, {.name = "--s3-skip-tls-verify", .help = "accept any certificate; for tests"});
  command.add(flags.s3_upload_part_size,
              {.name = "--s3-upload-part-size", .help = "MB of a part of an upload", .range = part_size});
  command.add(flags.s3_upload_concurrency,
              {.name = "--s3-upload-concurrency", .help = "parts of one upload at once", .range = concurrency});
}

void add_gcs(Command& command, StorageFlags& flags) {
  model::GcsConfig& gcs = flags.config.gcsconfig;
  command.add(gcs.bucket, {.name = "--gcs-bucket", .help = "name of the bucket"});
  command.add(flags.gcs_automatic_credentials,
              {.name = "--gcs-automatic-credentials", .help = "0: those of a file; 1: found", .range = {{0, 1}}});
  command.add(flags.gcs_credentials_file, {.name = "--gcs-credentials-file", .help = "JSON file with the credentials"});
  command.add(gcs.key_prefix, {.name = "--gcs-key-prefix", .help = below_prefix});
  command.add(gcs.storage_class, {.name = "--gcs-storage-class", .help = "of what is stored"});
}

void add_azure(Command& command, StorageFlags& flags) {
  model::AzureBlobConfig& azure = flags.config.azblobconfig;
  command.add(azure.container, {.name = "--az-container", .help = "name of the container"});
  command.add(azure.account_name, {.name = "--az-account-name", .help = "storage account"});
  command.add(flags.az_account_key,
              {.name = "--az-account-key", .help = "key of the account", .variables = {"PORTABLE_AZ_ACCOUNT_KEY"}});
  command.add(flags.az_sas_url, {.name = "--az-sas-url",
                                 .help = "shared access signature URL, instead of the key",
                                 .variables = {"PORTABLE_AZ_SAS_URL"}});
  command.add(azure.endpoint, {.name = "--az-endpoint", .help = "empty: blob.core.windows.net"});
  command.add(azure.key_prefix, {.name = "--az-key-prefix", .help = below_prefix});
  command.add(azure.access_tier, {.name = "--az-access-tier", .help = "of what is stored; empty: the container's"});
  command.add_flag(azure.use_emulator, {.name = "--az-use-emulator", .help = "the endpoint is an emulator"});
  command.add(flags.az_upload_part_size,
              {.name = "--az-upload-part-size", .help = "MB of a block of an upload", .range = part_size});
  command.add(flags.az_upload_concurrency,
              {.name = "--az-upload-concurrency", .help = "blocks of one upload at once", .range = concurrency});
  command.add(flags.az_download_part_size,
              {.name = "--az-download-part-size", .help = "MB of one request of a download", .range = part_size});
  command.add(flags.az_download_concurrency,
              {.name = "--az-download-concurrency", .help = "requests of one download at once", .range = concurrency});
}

void add_sftp(Command& command, StorageFlags& flags) {
  model::SftpConfig& sftp = flags.config.sftpconfig;
  command.add(sftp.endpoint, {.name = "--sftp-endpoint", .help = "host:port of the SFTP server"});
  command.add(sftp.username, {.name = "--sftp-username", .help = "account there"});
  command.add(flags.sftp_password,
              {.name = "--sftp-password", .help = "password there", .variables = {"PORTABLE_SFTP_PASSWORD"}});
  command.add(flags.sftp_key_path, {.name = "--sftp-key-path", .help = "file with the private key"});
  command.add(sftp.fingerprints, {.name = "--sftp-fingerprints",
                                  .help = "of the server's host keys, SHA256:...; none: any is accepted",
                                  .split_at_commas = true});
  command.add(sftp.prefix, {.name = "--sftp-prefix", .help = "directory there that is shared"});
  command.add_flag(sftp.disable_concurrent_reads,
                   {.name = "--sftp-disable-concurrent-reads", .help = "for servers where files are read once"});
  command.add(flags.sftp_buffer_size,
              {.name = "--sftp-buffer-size", .help = "MB of one file on their way; 0: 4", .range = {{0, 16}}});
}

model::ConfigSecret plain(std::string text) {
  model::ConfigSecret secret;
  if (text.empty()) return secret;
  secret.status = "Plain";
  secret.payload = std::move(text);
  return secret;
}

Result<model::ConfigSecret> secret_in_file(const char* flag, const std::string& path) {
  if (path.empty()) return model::ConfigSecret();
  Result<std::string> text = read_file(path, largest_key_file);
  if (!text) return fail(text.error().code, std::string(flag) + ": " + text.error().message);
  if (text->empty()) return fail(ErrorCode::not_found, std::string(flag) + ": no key in " + path);
  return plain(std::move(*text));
}

}  // namespace

void add_storage_options(Command& command, StorageFlags& flags) {
  Option provider{.name = "-f,--fs-provider",
                  .help =
                      "osfs: the local file system; s3fs, gcsfs, azblobfs; cryptfs: the local file system, "
                      "encrypted; sftpfs: another SFTP server"};
  for (const Kind& kind : kinds) provider.words.insert(provider.words.end(), {kind.word, kind.number});
  command.add(flags.provider, provider);
  command.add(flags.crypto_passphrase, {.name = "--crypto-passphrase",
                                        .help = "passphrase of encrypted files",
                                        .variables = {"PORTABLE_CRYPTO_PASSPHRASE"}});
  add_s3(command, flags);
  add_gcs(command, flags);
  add_azure(command, flags);
  add_sftp(command, flags);
}

Result<model::FilesystemConfig> storage_of(StorageFlags flags) {
  const auto* kind = std::ranges::find_if(
      kinds, [&](const Kind& one) { return flags.provider == one.word || flags.provider == one.number; });
  if (kind == std::end(kinds)) return fail(ErrorCode::invalid_argument, "--fs-provider: " + flags.provider);
  auto google = secret_in_file("--gcs-credentials-file", flags.gcs_credentials_file);
  if (!google) return fail(google.error());
  auto key = secret_in_file("--sftp-key-path", flags.sftp_key_path);
  if (!key) return fail(key.error());
  model::FilesystemConfig config = std::move(flags.config);
  config.provider = kind->provider;
  config.s3config.access_secret = plain(std::move(flags.s3_access_secret));
  config.s3config.upload_part_size = flags.s3_upload_part_size;
  config.s3config.upload_concurrency = flags.s3_upload_concurrency;
  config.gcsconfig.automatic_credentials = flags.gcs_automatic_credentials;
  config.gcsconfig.credentials = std::move(*google);
  config.azblobconfig.account_key = plain(std::move(flags.az_account_key));
  config.azblobconfig.sas_url = plain(std::move(flags.az_sas_url));
  config.azblobconfig.upload_part_size = flags.az_upload_part_size;
  config.azblobconfig.upload_concurrency = flags.az_upload_concurrency;
  config.azblobconfig.download_part_size = flags.az_download_part_size;
  config.azblobconfig.download_concurrency = flags.az_download_concurrency;
  config.cryptconfig.passphrase = plain(std::move(flags.crypto_passphrase));
  config.sftpconfig.password = plain(std::move(flags.sftp_password));
  config.sftpconfig.private_key = std::move(*key);
  config.sftpconfig.buffer_size = flags.sftp_buffer_size;
  return config;
}

}  // namespace ferry::app
