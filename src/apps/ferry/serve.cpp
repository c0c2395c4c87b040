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
  bool verbose = true;
  LoadOptions load;
  int grace_time = 0;
};

void add_log_options(Command& command, ServeOptions& options) {
  command.add(options.log.file_path, {.name = "-l,--log-file-path",
                                      .help = "log file, relative to the configuration directory; empty: stderr",
                                      .variables = {"LOG_FILE_PATH"}});
  command.add(options.log.max_size_mb, {.name = "-s,--log-max-size",
                                        .help = "megabytes at which the log file is rotated; 0: never",
                                        .variables = {"LOG_MAX_SIZE"},
                                        .range = {{0, any_number}}});
  command.add(options.log.max_backups, {.name = "-b,--log-max-backups",
                                        .help = "old log files kept; 0: all",
                                        .variables = {"LOG_MAX_BACKUPS"},
                                        .range = {{0, any_number}}});
  command.add(options.log.max_age_days, {.name = "-a,--log-max-age",
                                         .help = "days that old log files are kept; 0: for ever",
                                         .variables = {"LOG_MAX_AGE"},
                                         .range = {{0, any_number}}});
  command.add_flag(options.log.compress,
                   {.name = "-z,--log-compress", .help = "gzip old log files", .variables = {"LOG_COMPRESS"}});
  add_log_level(command, options.log_level);
  add_log_verbose(command, options.verbose);
  command.add_flag(options.log.utc_time,
                   {.name = "--log-utc-time", .help = "log times in UTC", .variables = {"LOG_UTC_TIME"}});
}

void add_grace_time(Command& command, ServeOptions& options) {
  command.add(options.grace_time,
              {.name = "--grace-time",
               .help = "seconds that running transfers have to finish when the server is told to stop",
               .variables = {"GRACE_TIME"},
               .range = {{0, 86400}}});
}

// Every client costs descriptors: take as many as the system allows.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::filesystem::path log_file(const ServeOptions& options) {
  if (options.log.file_path.empty()) return {};
  return options.config.location() / options.log.file_path;
}

Result<void> open_log(const ServeOptions& options) {
  log::Options log = options.log;
  log.level = log_level(options.log_level, options.verbose);
  log.file_path = log_file(options).string();
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
                                                            .load = options.load.data(),
                                                            .log_file = log_file(options)});
  if (!started) {
    log::error("server", "", "cannot start: {}", started.error().message);
    return report(started.error());
  }
  (*started)->run();
  return 0;
}

}  // namespace

void add_serve(CommandLine& line) {
  Command command = line.add("serve", "start the server");
  auto options = std::make_shared<ServeOptions>();
  options->config.add_to(command);
  add_log_options(command, *options);
  options->load.add_to(command);
  add_grace_time(command, *options);
  command.run([options] { return serve(*options); });
}

}  // namespace ferry::app
