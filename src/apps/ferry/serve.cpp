#include <sys/resource.h>

#include <chrono>
#include <filesystem>
#include <memory>

#include "base/log.h"
#include "commands.h"
#include "load_options.h"
#include "options.h"
#include "server/lifecycle.h"
#include "server/server.h"

namespace ferry::app {

namespace {

struct ServeOptions {
  ConfigOptions config;
  log::Options log{.file_path = "ferry.log"};
  std::string log_level = "debug";
  LoadOptions load;
  int grace_time = 0;
};

void add_log_options(CLI::App& command, ServeOptions& options) {
  with_variable(command.add_option("--log-file-path", options.log.file_path,
                                   "log file, relative to the configuration directory; empty: stderr"),
                {"LOG_FILE_PATH"})
      ->capture_default_str();
  with_variable(command.add_option("--log-max-size", options.log.max_size_mb,
                                   "megabytes at which the log file is rotated; 0: never"),
                {"LOG_MAX_SIZE"})
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  with_variable(command.add_option("--log-max-backups", options.log.max_backups, "old log files kept; 0: all"),
                {"LOG_MAX_BACKUPS"})
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  with_variable(
      command.add_option("--log-max-age", options.log.max_age_days, "days that old log files are kept; 0: for ever"),
      {"LOG_MAX_AGE"})
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  with_variable(command.add_flag("--log-compress", options.log.compress, "gzip old log files"), {"LOG_COMPRESS"});
  add_log_level(command, options.log_level);
  with_variable(command.add_flag("--log-utc-time", options.log.utc_time, "log times in UTC"), {"LOG_UTC_TIME"});
}

void add_grace_time(CLI::App& command, ServeOptions& options) {
  with_variable(command.add_option("--grace-time", options.grace_time,
                                   "seconds that running transfers have to finish when the server is told to stop"),
                {"GRACE_TIME"})
      ->capture_default_str()
      ->check(CLI::Range(0, 86400));
}

// Every client costs descriptors: take as many as the system allows.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

Result<void> open_log(const ServeOptions& options) {
  log::Options log = options.log;
  log.level = log_level(options.log_level);
  if (!log.file_path.empty()) log.file_path = (options.config.location() / log.file_path).string();
  auto opened = log::open(log);
  if (!opened) return fail(opened.error().code, "--log-file-path: " + opened.error().message);
  return {};
}

int serve(const ServeOptions& options) {
  auto loaded = options.config.load();
  if (!loaded) return report(loaded.error());
  server::block_signals();  // before the first thread, the log's, is started
  if (auto opened = open_log(options); !opened) return report(opened.error());
  raise_descriptor_limit();
  auto started = server::Server::start(std::move(*loaded), {.directory = options.config.location(),
                                                            .grace = std::chrono::seconds(options.grace_time),
                                                            .load = options.load.data()});
  if (!started) {
    log::error("server", "", "cannot start: {}", started.error().message);
    return report(started.error());
  }
  (*started)->run();
  return 0;
}

}  // namespace

void add_serve(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("serve", "start the server");
  auto options = std::make_shared<ServeOptions>();
  options->config.add_to(*command);
  add_log_options(*command, *options);
  options->load.add_to(*command);
  add_grace_time(*command, *options);
  command->callback([options, &exit_code] { exit_code = serve(*options); });
}

}  // namespace ferry::app
