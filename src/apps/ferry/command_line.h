// The command line: subcommands and their options. CLI11 is named in command_line.cpp alone; including it costs
// every file more than ten seconds.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace ferry::app {

struct Option {
  std::string name;  // "-c,--config-dir"; a flag may be switched off too: "--log-utc-time,!--no-log-utc-time"
  std::string help;
  // Variables that set it too, the first that there is: FERRY_<name>, then SFTPGO_<name>. The command line wins.
  std::vector<std::string_view> variables = {};
  std::vector<std::string> words = {};            // the only values; empty: any
  std::optional<std::pair<int, int>> range = {};  // the least and the greatest number
  bool split_at_commas = false;                   // lists: "a,b" are two values
  std::string excludes = {};                      // an option added before that cannot be given with this one
};

inline constexpr int any_number = 2'147'483'647;  // the greatest of a range without end

// One subcommand. What options fill must live as long as the command line; `value` holds the default.
class Command {
 public:
  explicit Command(CLI::App& command, int& exit_code) : command_(command), exit_code_(exit_code) {}
  void add(std::string& value, const Option& option);
  void add(int& value, const Option& option);
  void add(std::vector<std::string>& values, const Option& option);
  void add_flag(bool& value, const Option& option);
  // What it does; returns the program's exit code.
  void run(std::function<int()> action);

 private:
  CLI::App& command_;
  int& exit_code_;
};

class CommandLine {
 public:
  explicit CommandLine(const std::string& version);
  ~CommandLine();
  Command add(const std::string& name, const std::string& help);
  // Runs the subcommand that was asked for. Exit code 1 and one line on standard error: the arguments are wrong.
  int run(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> app_;
  int exit_code_ = 1;
};

}  // namespace ferry::app
