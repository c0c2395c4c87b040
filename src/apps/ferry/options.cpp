#include "options.h"

#include <algorithm>
#include <iostream>
#include <map>

namespace ferry::app {

void ConfigOptions::add_to(Command& command) {
  command.add(directory, {.name = "-c,--config-dir",
                          .help = "directory of the configuration; relative paths start here",
                          .variables = {"CONFIG_DIR"}});
  command.add(file,
              {.name = "--config-file",
               .help = "configuration file, absolute or relative to the directory; empty: ferry.* or sftpgo.* there",
               .variables = {"CONFIG_FILE"}});
}

std::filesystem::path ConfigOptions::location() const {
  return std::filesystem::absolute(directory.empty() ? "." : directory).lexically_normal();
}

Result<config::Loaded> ConfigOptions::load() const {
  config::Sources sources;
  sources.directory = location();
  sources.file = file;
  sources.environment = config::process_environment();
  return config::load(sources);
}

void add_log_level(Command& command, std::string& word) {
  command.add(word, {.name = "--log-level",
                     .help = "debug, info, warn or error",
                     .variables = {"LOG_LEVEL"},
                     .words = {"debug", "info", "warn", "error"}});
}

void add_log_verbose(Command& command, bool& verbose) {
  command.add_flag(verbose, {.name = "-v,--log-verbose,!--no-log-verbose",
                             .help = "log what is level debug too",
                             .variables = {"LOG_VERBOSE"}});
}

log::Level log_level(const std::string& word, bool verbose) {
  static const std::map<std::string, log::Level> levels = {{"debug", log::Level::debug},
                                                           {"info", log::Level::info},
                                                           {"warn", log::Level::warn},
                                                           {"error", log::Level::error}};
  return verbose ? levels.at(word) : std::max(log::Level::info, levels.at(word));
}

int report(const Error& error) {
  std::cerr << "ferry: " << error.message << std::endl;
  return 1;
}

}  // namespace ferry::app
