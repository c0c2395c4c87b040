#include "command_line.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

namespace ferry::app {

namespace {

std::string variable_of(const std::vector<std::string_view>& names) {
  for (const std::string_view prefix : {"FERRY_", "SFTPGO_"}) {
    for (const std::string_view name : names) {
      const std::string variable = std::string(prefix) + std::string(name);
      if (std::getenv(variable.c_str()) != nullptr) return variable;
    }
  }
  return "FERRY_" + std::string(names.front());  // for --help
}

void set(CLI::App& command, CLI::Option& made, const Option& option) {
  if (!option.variables.empty()) made.envname(variable_of(option.variables));
  if (!option.words.empty()) made.check(CLI::IsMember(option.words));
  if (option.range && option.range->second == any_number) {
    made.check(CLI::NonNegativeNumber);
  } else if (option.range) {
    made.check(CLI::Range(option.range->first, option.range->second));
  }
  if (option.split_at_commas) made.delimiter(',');
  if (!option.excludes.empty()) made.excludes(command.get_option(option.excludes));
}

template <class Value>
void add_valued(CLI::App& command, Value& value, const Option& option) {
  CLI::Option* made = command.add_option(option.name, value, option.help);
  if (value != Value{} || std::is_same_v<Value, int>) made->capture_default_str();
  set(command, *made, option);
}

}  // namespace

// A text's variable that is there and empty says "empty"; CLI11 takes it for one that is not there.
void Command::add(std::string& value, const Option& option) {
  if (!option.variables.empty()) {
    const char* given = std::getenv(variable_of(option.variables).c_str());
    if (given != nullptr && *given == '\0') value.clear();
  }
  add_valued(command_, value, option);
}

void Command::add(int& value, const Option& option) { add_valued(command_, value, option); }

void Command::add(std::vector<std::string>& values, const Option& option) { add_valued(command_, values, option); }

void Command::add_flag(bool& value, const Option& option) {
  set(command_, *command_.add_flag(option.name, value, option.help), option);
}

void Command::run(std::function<int()> action) {
  command_.callback([action = std::move(action), &exit_code = exit_code_] { exit_code = action(); });
}

CommandLine::CommandLine(const std::string& version)
    : app_(std::make_unique<CLI::App>("Ferry, a file-transfer server", "ferry")) {
  app_->require_subcommand(1);
  app_->set_version_flag("-v,--version", version);
}

CommandLine::~CommandLine() = default;

Command CommandLine::add(const std::string& name, const std::string& help) {
  return Command(*app_->add_subcommand(name, help), exit_code_);
}

int CommandLine::run(int argc, char** argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app_->exit(error);  // --help, --version
    std::cerr << "ferry: " << error.what() << std::endl;
    return 1;
  } catch (const std::exception& error) {
    std::cerr << "ferry: " << error.what() << std::endl;
    return 1;
  }
  return exit_code_;
}

}  // namespace ferry::app
