// The options of `ferry portable` that say where the shared files lie.
#pragma once

#include <string>

#include "command_line.h"
#include "server/portable.h"

namespace ferry::app {

// Filled by options of the names that SFTPGo gives them. Those of a storage that is not the chosen one have no effect.
struct StorageFlags {
  std::string provider = "osfs";
  model::FilesystemConfig config;
  std::string s3_access_secret, az_account_key, az_sas_url, crypto_passphrase, sftp_password;
  std::string gcs_credentials_file, sftp_key_path;
  int s3_upload_part_size = 5, s3_upload_concurrency = 2;
  int az_upload_part_size = 5, az_upload_concurrency = 5, az_download_part_size = 5, az_download_concurrency = 5;
  int gcs_automatic_credentials = 1;
  int sftp_buffer_size = 0;
};

// `flags` lives as long as the command line.
void add_storage_options(Command& command, StorageFlags& flags);
// not_found: a file that is named cannot be read.
Result<model::FilesystemConfig> storage_of(StorageFlags flags);

}  // namespace ferry::app
