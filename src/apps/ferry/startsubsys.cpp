#include <memory>

#include "commands.h"
#include "options.h"
#include "server/subsystem.h"

namespace ferry::app {

namespace {

struct SubsystemFlags {
  ConfigOptions config;
  std::string base_home_dir;
  bool preserve_home = false;
  bool to_journald = false;
  bool verbose = true;
  bool utc_time = true;
  std::string log_level = "debug";
};

int start(const SubsystemFlags& flags) {
  auto loaded = flags.config.load();
  if (!loaded) return report(loaded.error());
  if (flags.to_journald) {
    if (auto sent = server::send_errors_to_journal(); !sent) return report(sent.error());
  }
  log::Options log;
  log.level = flags.verbose ? log_level(flags.log_level) : std::max(log::Level::info, log_level(flags.log_level));
  log.utc_time = flags.utc_time;
  if (auto opened = log::open(log); !opened) return report(opened.error());
  auto status = server::run_subsystem(std::move(*loaded), {.directory = flags.config.location(),
                                                           .base_home_dir = flags.base_home_dir,
                                                           .preserve_home = flags.preserve_home});
  log::flush();
  return status ? *status : report(status.error());
}

}  // namespace

void add_startsubsys(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("startsubsys", "serve SFTP on standard input and output, for sshd's Subsystem");
  auto flags = std::make_shared<SubsystemFlags>();
  flags->config.add_to(*command);
  command->add_option("-d,--base-home-dir", flags->base_home_dir,
                      "absolute path: homes are <path>/<user>; without it the system's home directories");
  command->add_flag("-p,--preserve-home", flags->preserve_home, "an account that exists keeps its home directory");
  command->add_flag("-j,--log-to-journald", flags->to_journald, "log to the journal instead of standard error");
  with_variable(command->add_flag("-v,--log-verbose,!--no-log-verbose", flags->verbose, "log what is level debug too"),
                {"LOG_VERBOSE"})
      ->capture_default_str();
  with_variable(command->add_flag("--log-utc-time,!--no-log-utc-time", flags->utc_time, "log times in UTC"),
                {"LOG_UTC_TIME"})
      ->capture_default_str();
  add_log_level(*command, flags->log_level);
  command->callback([flags, &exit_code] { exit_code = start(*flags); });
}

}  // namespace ferry::app
