#include <memory>

#include "commands.h"
#include "options.h"
#include "server/ssh/subsystem.h"

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
  log.level = log_level(flags.log_level, flags.verbose);
  log.utc_time = flags.utc_time;
  if (auto opened = log::open(log); !opened) return report(opened.error());
  auto status = server::run_subsystem(std::move(*loaded), {.directory = flags.config.location(),
                                                           .base_home_dir = flags.base_home_dir,
                                                           .preserve_home = flags.preserve_home});
  log::flush();
  return status ? *status : report(status.error());
}

}  // namespace

void add_startsubsys(CommandLine& line) {
  Command command = line.add("startsubsys", "serve SFTP on standard input and output, for sshd's Subsystem");
  auto flags = std::make_shared<SubsystemFlags>();
  flags->config.add_to(command);
  command.add(flags->base_home_dir,
              {.name = "-d,--base-home-dir",
               .help = "absolute path: homes are <path>/<user>; without it the system's home directories"});
  command.add_flag(flags->preserve_home,
                   {.name = "-p,--preserve-home", .help = "an account that exists keeps its home directory"});
  command.add_flag(flags->to_journald,
                   {.name = "-j,--log-to-journald", .help = "log to the journal instead of standard error"});
  add_log_verbose(command, flags->verbose);
  command.add_flag(
      flags->utc_time,
      {.name = "--log-utc-time,!--no-log-utc-time", .help = "log times in UTC", .variables = {"LOG_UTC_TIME"}});
  add_log_level(command, flags->log_level);
  command.run([flags] { return start(*flags); });
}

}  // namespace ferry::app
