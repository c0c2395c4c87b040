#include <termios.h>
#include <unistd.h>

#include <iostream>
#include <memory>

#include "commands.h"
#include "options.h"
#include "server/server.h"

namespace ferry::app {

namespace {

struct ResetOptions {
  ConfigOptions config;
  std::string admin;
};

// Nothing that is typed is shown while it lives.
class WithoutEcho {
 public:
  WithoutEcho() : active_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!active_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  WithoutEcho(const WithoutEcho&) = delete;
  WithoutEcho& operator=(const WithoutEcho&) = delete;
  ~WithoutEcho() {
    if (active_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }

 private:
  termios before_{};
  bool active_;
};

crypto::Secret read_line(const char* prompt) {
  if (prompt != nullptr) std::cerr << prompt << std::flush;
  std::string line;
  std::getline(std::cin, line);
  crypto::Secret secret{std::string_view(line)};
  crypto::wipe(line.data(), line.size());
  if (prompt != nullptr) std::cerr << '\n';
  return secret;
}

// At a terminal twice and unseen; else the first line of the input.
Result<crypto::Secret> read_password() {
  if (::isatty(STDIN_FILENO) == 0) return read_line(nullptr);
  const WithoutEcho quiet;
  crypto::Secret password = read_line("New password: ");
  const crypto::Secret again = read_line("Once more: ");
  if (!crypto::equal_in_constant_time(password.bytes(), again.bytes())) {
    return fail(ErrorCode::invalid_argument, "the two passwords differ; nothing was changed");
  }
  return password;
}

int reset_password(const ResetOptions& options) {
  if (options.admin.empty())
    return report({ErrorCode::invalid_argument, "--admin: the administrator's username is needed"});
  const auto loaded = options.config.load();
  if (!loaded) return report(loaded.error());
  const auto password = read_password();
  if (!password) return report(password.error());
  const auto done = server::reset_admin_password(*loaded, options.config.location(), options.admin, *password);
  if (!done) return report(done.error());
  std::cout << "the administrator has the new password and no second factor" << std::endl;
  return 0;
}

}  // namespace

void add_resetpwd(CommandLine& line) {
  Command command = line.add("resetpwd", "give an administrator a new password, without second factor");
  auto options = std::make_shared<ResetOptions>();
  options->config.add_to(command);
  command.add(options->admin, {.name = "--admin", .help = "the administrator's username"});
  command.run([options] { return reset_password(*options); });
}

}  // namespace ferry::app
