// The transfer and command lines of the log, in the shapes that SFTPGo documents.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "presence/connection_info.h"
#include "vfs/file_system.h"

namespace ferry::session {

// The user and connection that a log line names.
struct Identity {
  std::string username;
  presence::ConnectionInfo connection;
};

using Clock = std::chrono::steady_clock;

// Where a file lies on the server, and what the account calls it.
struct LoggedPath {
  std::string_view location;
  std::string_view name;
};

// Upload or Download; an error is written at level error with its message.
void log_transfer(const Identity& who, bool upload, LoggedPath path, std::uint64_t bytes, Clock::time_point start,
                  const std::optional<Error>& failure);

// The fields of a command line beside the identity; fields that the command does not have stay empty.
struct CommandLine {
  LoggedPath path = {};
  LoggedPath target = {};
  std::optional<std::uint32_t> mode = {};
  std::optional<vfs::AttributeChange::Owner> owner = {};
  std::optional<vfs::AttributeChange::Times> times = {};
  std::optional<std::uint64_t> size = {};
  std::string_view ssh_command = {};  // the whole line, of SSHCommand alone
};

// `command`: Rename, Rmdir, Mkdir, Symlink, Remove, Chmod, Chown, Chtimes, Truncate, Copy, SSHCommand.
void log_command(const Identity& who, std::string_view command, const CommandLine& line, Clock::time_point start);

// An app line at level debug: what was refused or went wrong, with the message that no client sees.
void log_failure(const Identity& who, std::string_view what, const VirtualPath& path, const Error& error);

}  // namespace ferry::session
