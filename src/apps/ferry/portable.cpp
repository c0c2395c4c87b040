#include "server/portable.h"

#include <fstream>
#include <memory>

#include "commands.h"
#include "options.h"
#include "server/lifecycle.h"

namespace ferry::app {

namespace {

struct PortableFlags {
  server::PortableOptions options;
  std::string directory = ".";
  std::string password_file;
  std::string fs_provider = "osfs";
  std::string log_file_path;
  std::string log_level = "debug";
  bool log_utc_time = false;
  int grace_time = 0;
};

Result<std::string> first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line) || line.empty()) {
    return fail(ErrorCode::not_found, "--password-file: no password in " + path);
  }
  return line;
}

int share(PortableFlags flags) {
  if (!flags.password_file.empty()) {
    auto password = first_line(flags.password_file);
    if (!password) return report(password.error());
    flags.options.password = std::move(*password);
  }
  server::block_signals();
  log::Options log;
  if (!flags.log_file_path.empty()) log.file_path = std::filesystem::absolute(flags.log_file_path).string();
  log.level = flags.log_file_path.empty() ? log::Level::none : log_level(flags.log_level);
  log.utc_time = flags.log_utc_time;
  if (auto opened = log::open(log); !opened) return report(opened.error());
  flags.options.directory = flags.directory;
  flags.options.grace = std::chrono::seconds(flags.grace_time);
  auto served = server::run_portable(std::move(flags.options));
  return served ? 0 : report(served.error());
}

void add_account_options(Command& command, PortableFlags& flags) {
  server::PortableOptions& options = flags.options;
  command.add(options.username, {.name = "-u,--username", .help = "empty: made up"});
  command.add(options.password, {.name = "-p,--password", .help = "empty: made up, unless there is a public key"});
  command.add(flags.password_file,
              {.name = "--password-file", .help = "file whose first line is the password", .excludes = "--password"});
  command.add(options.public_keys,
              {.name = "-k,--public-key", .help = "a line as in authorized_keys; may be repeated"});
  command.add(options.permissions,
              {.name = "-g,--permissions", .help = "what the account may; \"*\": everything", .split_at_commas = true});
  command.add(options.ssh_commands,
              {.name = "-c,--ssh-commands", .help = "SSH commands to enable; \"*\": all", .split_at_commas = true});
  command.add(options.start_directory,
              {.name = "--start-directory", .help = "where clients begin, below what is shared"});
}

}  // namespace

void add_portable(CommandLine& line) {
  Command command = line.add("portable", "share one directory with one account, without a configuration");
  auto flags = std::make_shared<PortableFlags>();
  command.add(flags->directory, {.name = "-d,--directory", .help = "what to share"});
  command.add(flags->fs_provider,
              {.name = "-f,--fs-provider", .help = "osfs (or 0): the local file system", .words = {"osfs", "0"}});
  command.add(flags->options.sftpd_port,
              {.name = "-s,--sftpd-port", .help = "0: any free port", .range = {{-1, 65535}}});
  add_account_options(command, *flags);
  command.add(flags->log_file_path, {.name = "-l,--log-file-path", .help = "empty: no log"});
  add_log_level(command, flags->log_level);
  command.add_flag(flags->log_utc_time, {.name = "--log-utc-time", .help = "log times in UTC"});
  command.add(flags->grace_time, {.name = "--grace-time",
                                  .help = "seconds that running transfers have to finish at the end",
                                  .range = {{0, 86400}}});
  command.run([flags] { return share(*flags); });
}

}  // namespace ferry::app
