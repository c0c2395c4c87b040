#include "session/operation_log.h"

#include <ctime>

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

}  // namespace

void log_transfer(const Identity& who, bool upload, std::string_view path, std::uint64_t bytes, Clock::time_point start,
                  const std::optional<Error>& failure) {
  const std::string_view sender = upload ? "Upload" : "Download";
  const ConnectionInfo& from = who.connection;
  const auto size = static_cast<std::int64_t>(bytes);
  if (!failure) {
    log::write(log::Level::info, sender,
               {{"local_addr", from.local_address},
                {"remote_addr", from.remote_address},
                {"elapsed_ms", elapsed_ms(start)},
                {"size_bytes", size},
                {"username", who.username},
                {"file_path", path},
                {"connection_id", from.id},
                {"protocol", from.protocol}});
    return;
  }
  const std::string error = std::string(to_string(failure->code)) + ": " + failure->message;
  log::write(log::Level::error, sender,
             {{"local_addr", from.local_address},
              {"remote_addr", from.remote_address},
              {"elapsed_ms", elapsed_ms(start)},
              {"size_bytes", size},
              {"username", who.username},
              {"file_path", path},
              {"connection_id", from.id},
              {"protocol", from.protocol},
              {"error", error}});
}

void log_command(const Identity& who, std::string_view command, const CommandLine& line, Clock::time_point start) {
  const ConnectionInfo& from = who.connection;
  const std::string mode = line.mode ? fmt::format("{:04o}", *line.mode) : std::string();
  const std::string accessed = line.times ? date(line.times->accessed) : std::string();
  const std::string modified = line.times ? date(line.times->modified) : std::string();
  const std::int64_t uid = line.owner ? std::int64_t{line.owner->uid} : -1;
  const std::int64_t gid = line.owner ? std::int64_t{line.owner->gid} : -1;
  const std::int64_t size = line.size ? static_cast<std::int64_t>(*line.size) : -1;
  log::write(log::Level::info, command,
             {{"local_addr", from.local_address},
              {"remote_addr", from.remote_address},
              {"username", who.username},
              {"file_path", line.path},
              {"target_path", line.target_path},
              {"filemode", std::string_view(mode)},
              {"uid", uid},
              {"gid", gid},
              {"access_time", std::string_view(accessed)},
              {"modification_time", std::string_view(modified)},
              {"size", size},
              {"elapsed", elapsed_ms(start)},
              {"ssh_command", std::string_view()},
              {"connection_id", from.id},
              {"protocol", from.protocol}});
}

void log_failure(const Identity& who, std::string_view what, const VirtualPath& path, const Error& error) {
  log::debug(who.connection.protocol, who.connection.id, "{} \"{}\": {}: {}", what, path.text(), to_string(error.code),
             error.message);
}

}  // namespace ferry::session
