#include "server/portable.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>

#include "commands.h"
#include "options.h"
#include "portable_storage.h"
#include "server/lifecycle.h"

namespace ferry::app {

namespace {

constexpr int off = -1;  // of a protocol's port

struct PortableFlags {
  server::PortableOptions options;
  std::string directory = ".";
  std::string password_file;
  StorageFlags storage;
  int ftpd_port = off, httpd_port = off, webdav_port = off;
  std::string certificates[6];  // of protocols that are off
  std::vector<std::string> allowed_patterns, denied_patterns;
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

// "/dir::*.jpg,*.png", as --allowed-patterns and --denied-patterns have it, once for each directory.
Result<void> add_patterns(const char* flag, const std::vector<std::string>& values, bool allow,
                          std::vector<model::PatternsFilter>& filters) {
  for (const std::string& value : values) {
    const std::size_t end = value.find("::");
    std::vector<std::string> patterns;
    std::istringstream rest(end == std::string::npos ? "" : value.substr(end + 2));
    for (std::string one; std::getline(rest, one, ',');) {
      if (!one.empty()) patterns.push_back(one);
    }
    if (!value.starts_with('/') || patterns.empty()) {
      return fail(ErrorCode::invalid_argument,
                  std::string(flag) + ": expected /directory::pattern,pattern, found \"" + value + "\"");
    }
    const std::string path = value.substr(0, end);
    auto filter = std::ranges::find(filters, path, &model::PatternsFilter::path);
    if (filter == filters.end()) {
      filter = filters.insert(filters.end(), model::PatternsFilter());
      filter->path = path;
    }
    (allow ? filter->allowed_patterns : filter->denied_patterns) = std::move(patterns);
  }
  return {};
}

// What scripts made for SFTPGo say to switch a protocol off is understood; what would switch it on is refused.
Result<void> check_ports(const PortableFlags& flags) {
  for (const auto& [flag, port] : {std::pair{"--ftpd-port", flags.ftpd_port},
                                   {"--httpd-port", flags.httpd_port},
                                   {"--webdav-port", flags.webdav_port}}) {
    if (port != off) {
      return fail(ErrorCode::unsupported, std::string(flag) + ": not built yet; only -1, which switches it off");
    }
  }
  return {};
}

int share(PortableFlags flags) {
  if (auto checked = check_ports(flags); !checked) return report(checked.error());
  auto& patterns = flags.options.file_patterns;
  if (auto read = add_patterns("--allowed-patterns", flags.allowed_patterns, true, patterns); !read) {
    return report(read.error());
  }
  if (auto read = add_patterns("--denied-patterns", flags.denied_patterns, false, patterns); !read) {
    return report(read.error());
  }
  if (!flags.password_file.empty()) {
    auto password = first_line(flags.password_file);
    if (!password) return report(password.error());
    flags.options.password = std::move(*password);
  }
  auto storage = storage_of(std::move(flags.storage));
  if (!storage) return report(storage.error());
  flags.options.filesystem = std::move(*storage);
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
  command.add(flags.allowed_patterns, {.name = "--allowed-patterns",
                                       .help = "the only names in a directory: /dir::*.jpg,*.png; may be repeated"});
  command.add(flags.denied_patterns,
              {.name = "--denied-patterns", .help = "names that a directory does not take, in the same form"});
}

// Only to be understood: see check_ports.
void add_other_protocols(Command& command, PortableFlags& flags) {
  command.add(flags.ftpd_port, {.name = "--ftpd-port", .help = "-1: off; not built yet", .range = {{-1, 65535}}});
  command.add(flags.httpd_port, {.name = "--httpd-port", .help = "-1: off; not built yet", .range = {{-1, 65535}}});
  command.add(flags.webdav_port, {.name = "--webdav-port", .help = "-1: off; not built yet", .range = {{-1, 65535}}});
  std::string* file = flags.certificates;
  for (const char* name :
       {"--ftpd-cert", "--ftpd-key", "--httpd-cert", "--httpd-key", "--webdav-cert", "--webdav-key"}) {
    command.add(*file++, {.name = name, .help = "of no use while the protocol is off"});
  }
}

}  // namespace

void add_portable(CommandLine& line) {
  Command command = line.add("portable", "share one directory with one account, without a configuration");
  auto flags = std::make_shared<PortableFlags>();
  command.add(flags->directory, {.name = "-d,--directory", .help = "what to share"});
  add_storage_options(command, flags->storage);
  command.add(flags->options.sftpd_port,
              {.name = "-s,--sftpd-port", .help = "0: any free port", .range = {{-1, 65535}}});
  add_account_options(command, *flags);
  add_other_protocols(command, *flags);
  command.add(flags->log_file_path, {.name = "-l,--log-file-path", .help = "empty: no log"});
  add_log_level(command, flags->log_level);
  command.add_flag(flags->log_utc_time, {.name = "--log-utc-time", .help = "log times in UTC"});
  command.add(flags->grace_time, {.name = "--grace-time",
                                  .help = "seconds that running transfers have to finish at the end",
                                  .range = {{0, 86400}}});
  command.run([flags] { return share(*flags); });
}

}  // namespace ferry::app
