#include "options.h"

#include <cstdlib>
#include <iostream>
#include <map>

namespace ferry::app {

CLI::Option* with_variable(CLI::Option* option, std::initializer_list<std::string_view> names) {
  for (const std::string_view prefix : {"FERRY_", "SFTPGO_"}) {
    for (const std::string_view name : names) {
      const std::string variable = std::string(prefix) + std::string(name);
      if (std::getenv(variable.c_str()) != nullptr) return option->envname(variable);
    }
  }
  return option->envname("FERRY_" + std::string(*names.begin()));  // for --help
}

void ConfigOptions::add_to(CLI::App& command) {
  with_variable(
      command.add_option("-c,--config-dir", directory, "directory of the configuration; relative paths start here"),
      {"CONFIG_DIR"})
      ->capture_default_str();
  with_variable(command.add_option("--config-file", file,
                                   "configuration file, absolute or relative to the directory; empty: ferry.* or "
                                   "sftpgo.* there"),
                {"CONFIG_FILE"});
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

CLI::Option* add_log_level(CLI::App& command, std::string& word) {
  return with_variable(command.add_option("--log-level", word, "debug, info, warn or error"), {"LOG_LEVEL"})
      ->capture_default_str()
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
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
