#include "session/operation_log.h"

#include <ctime>
#include <vector>

#include "base/log.h"

namespace ferry::session {

namespace {

std::int64_t elapsed_ms(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
}

std::string date(vfs::FileTime time) {
  const auto seconds = static_cast<std::time_t>(time.seconds);
  std::tm parts{};
  if (::gmtime_r(&seconds, &parts) == nullptr) return {};
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts)};
}

// As ls shows it, but the sticky bit in front: "-rw-r-----", "trwxrwxrwx".
std::string mode_text(std::uint32_t mode) {
  constexpr std::string_view letters = "rwxrwxrwx";
  std::string text(1, (mode & 01000U) != 0 ? 't' : '-');
  for (std::size_t i = 0; i < letters.size(); ++i) text += (mode & (0400U >> i)) != 0 ? letters[i] : '-';
  return text;
}

}  // namespace

void log_transfer(const Identity& who, bool upload, LoggedPath path, std::uint64_t bytes, Clock::time_point start,
                  const std::optional<Error>& failure) {
  const presence::ConnectionInfo& from = who.connection;
  std::vector<log::Field> fields{{"local_addr", from.local_address}, {"remote_addr", from.remote_address},
                                 {"elapsed_ms", elapsed_ms(start)},  {"size_bytes", static_cast<std::int64_t>(bytes)},
                                 {"username", who.username},         {"file_path", path.location},
                                 {"virtual_path", path.name},        {"connection_id", from.id},
                                 {"protocol", from.protocol}};
  std::string error;
  if (failure) {
    error = std::string(to_string(failure->code)) + ": " + failure->message;
    fields.push_back({"error", error});
  }
  log::write(failure ? log::Level::error : log::Level::info, upload ? "Upload" : "Download", fields);
}

void log_command(const Identity& who, std::string_view command, const CommandLine& line, Clock::time_point start) {
  const presence::ConnectionInfo& from = who.connection;
  const std::string mode = line.mode ? mode_text(*line.mode) : std::string();
  const std::string accessed = line.times ? date(line.times->accessed) : std::string();
  const std::string modified = line.times ? date(line.times->modified) : std::string();
  const std::int64_t uid = line.owner ? std::int64_t{line.owner->uid} : -1;
  const std::int64_t gid = line.owner ? std::int64_t{line.owner->gid} : -1;
  const std::int64_t size = line.size ? static_cast<std::int64_t>(*line.size) : -1;
  log::write(log::Level::info, command,
             {{"local_addr", from.local_address},
              {"remote_addr", from.remote_address},
              {"username", who.username},
              {"file_path", line.path.location},
              {"target_path", line.target.location},
              {"virtual_path", line.path.name},
              {"virtual_target_path", line.target.name},
              {"filemode", std::string_view(mode)},
              {"uid", uid},
              {"gid", gid},
              {"access_time", std::string_view(accessed)},
              {"modification_time", std::string_view(modified)},
              {"size", size},
              {"elapsed", elapsed_ms(start)},
              {"ssh_command", line.ssh_command},
              {"connection_id", from.id},
              {"protocol", from.protocol}});
}

void log_failure(const Identity& who, std::string_view what, const VirtualPath& path, const Error& error) {
  log::debug(who.connection.protocol, who.connection.id, "{} \"{}\": {}: {}", what, path.text(), to_string(error.code),
             error.message);
}

}  // namespace ferry::session
