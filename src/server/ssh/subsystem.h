// Ferry as the SFTP subsystem of somebody else's sshd, which has checked who the user is:
//
//   Subsystem sftp /usr/bin/ferry startsubsys --base-home-dir /srv/sftp
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "config/loader.h"

namespace ferry::server {

struct SubsystemOptions {
  std::filesystem::path directory;  // the configuration directory
  std::string base_home_dir;        // absolute; homes are <base_home_dir>/<user>. Empty: the system's home directory
  bool preserve_home = false;       // an account that is known already keeps the home it has
};

// Serves one conversation on standard input and output, for the system's user that runs this process. An account of
// that name that the data provider does not know is made, with all permissions. A data provider that is one file is not
// shared with a running server: memory takes its place. Answers the exit status.
Result<int> run_subsystem(config::Loaded loaded, SubsystemOptions options);

// Sends what this process writes to standard error to the system's journal. not_found: there is none at `socket`.
Result<void> send_errors_to_journal(const std::string& socket = "/run/systemd/journal/stdout");

}  // namespace ferry::server
