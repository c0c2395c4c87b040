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

}  // namespace

void add_portable(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("portable", "share one directory with one account, without a configuration");
  auto flags = std::make_shared<PortableFlags>();
  server::PortableOptions& options = flags->options;
  command->add_option("-d,--directory", flags->directory, "what to share")->capture_default_str();
  command->add_option("-f,--fs-provider", flags->fs_provider, "osfs (or 0): the local file system")
      ->capture_default_str()
      ->check(CLI::IsMember({"osfs", "0"}));
  command->add_option("-s,--sftpd-port", options.sftpd_port, "0: any free port")
      ->capture_default_str()
      ->check(CLI::Range(-1, 65535));
  command->add_option("-u,--username", options.username, "empty: made up");
  CLI::Option* password =
      command->add_option("-p,--password", options.password, "empty: made up, unless there is a public key");
  command->add_option("--password-file", flags->password_file, "file whose first line is the password")
      ->excludes(password);
  command->add_option("-k,--public-key", options.public_keys, "a line as in authorized_keys; may be repeated");
  command->add_option("-g,--permissions", options.permissions, "what the account may; \"*\": everything")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("-c,--ssh-commands", options.ssh_commands, "SSH commands to enable; \"*\": all")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--start-directory", options.start_directory, "where clients begin, below what is shared")
      ->capture_default_str();
  command->add_option("-l,--log-file-path", flags->log_file_path, "empty: no log");
  add_log_level(*command, flags->log_level);
  command->add_flag("--log-utc-time", flags->log_utc_time, "log times in UTC");
  command->add_option("--grace-time", flags->grace_time, "seconds that running transfers have to finish at the end")
      ->capture_default_str()
      ->check(CLI::Range(0, 86400));
  command->callback([flags, &exit_code] { exit_code = share(*flags); });
}

}  // namespace ferry::app
