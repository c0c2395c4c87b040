// What several subcommands share: options that also come from FERRY_… and SFTPGO_… variables, and the
// configuration they lead to.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "config/loader.h"

namespace ferry::app {

// Lets `option` be set by a variable: FERRY_<name>, else SFTPGO_<name>, the first name first. The command line wins.
CLI::Option* with_variable(CLI::Option* option, std::initializer_list<std::string_view> names);

struct ConfigOptions {
  std::string directory = ".";
  std::string file;

  void add_to(CLI::App& command);
  // The directory as an absolute path.
  std::filesystem::path location() const;
  Result<config::Loaded> load() const;
};

// "debug", "info", "warn", "error"; the words of --log-level.
CLI::Option* add_log_level(CLI::App& command, std::string& word);
log::Level log_level(const std::string& word);

// One line on stderr; the exit code of a failed command.
int report(const Error& error);

}  // namespace ferry::app
