// `ferry portable`: one directory, one account, for as long as the process runs. Nothing is stored.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/filesystem.h"
#include "model/filters.h"

namespace ferry::server {

struct PortableOptions {
  std::filesystem::path directory;     // what is shared, where the storage is local
  model::FilesystemConfig filesystem;  // secrets are plain
  int sftpd_port = 0;                  // 0: any free one
  std::string username;                // empty: made up, as is the password when there is no key either
  std::string password;
  std::vector<std::string> public_keys;  // lines as in authorized_keys
  std::vector<std::string> permissions = {"list", "download"};
  std::vector<std::string> ssh_commands = {"md5sum", "sha1sum", "sha256sum", "cd", "pwd", "scp"};
  std::string start_directory = "/";
  std::vector<model::PatternsFilter> file_patterns;
  std::chrono::seconds grace{0};
};

// Serves until SIGTERM or SIGINT, after printing what to paste into a client. An error is one line.
Result<void> run_portable(PortableOptions options);

}  // namespace ferry::server
