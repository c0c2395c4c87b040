#include "options.h"

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

log::Level log_level(const std::string& word) {
  static const std::map<std::string, log::Level> levels = {{"debug", log::Level::debug},
                                                           {"info", log::Level::info},
                                                           {"warn", log::Level::warn},
                                                           {"error", log::Level::error}};
  return levels.at(word);
}

int report(const Error& error) {
  std::cerr << "ferry: " << error.message << std::endl;
  return 1;
}

}  // namespace ferry::app
