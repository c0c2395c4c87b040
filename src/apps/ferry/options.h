// What several subcommands share: the options that lead to the configuration, the level of the log.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "command_line.h"
#include "config/loader.h"

namespace ferry::app {

struct ConfigOptions {
  std::string directory = ".";
  std::string file;

  void add_to(Command& command);
  // The directory as an absolute path.
  std::filesystem::path location() const;
  Result<config::Loaded> load() const;
};

// "debug", "info", "warn", "error"; the words of --log-level.
void add_log_level(Command& command, std::string& word);
// SFTPGo's older way to say the same: --log-verbose=false leaves debug out.
void add_log_verbose(Command& command, bool& verbose);
log::Level log_level(const std::string& word, bool verbose = true);

// One line on stderr; the exit code of a failed command.
int report(const Error& error);

}  // namespace ferry::app
