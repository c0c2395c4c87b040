// Logs: one JSON object a line, in the shapes that SFTPGo documents (app, transfer, command, http,
// connection_failed), to stderr or to a rotated file. Safe from any thread. A line is written by the thread that logs
// it, so a log on a slow disk or a pipe that nobody reads makes that thread wait.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"

namespace ferry::log {

enum class Level : std::uint8_t {
  debug,
  info,
  warn,
  error,
  none,  // as Options::level: nothing is logged; no line has this level
};

struct Options {
  std::string file_path;  // empty: stderr
  int max_size_mb = 10;   // rotate when the file is larger; 0 never
  int max_backups = 5;    // old files kept; 0 all
  int max_age_days = 28;  // older ones are removed; 0 never
  bool compress = false;  // gzip rotated files
  Level level = Level::debug;
  bool utc_time = false;
};

// Opens the log. Before it is called lines go to stderr at level info.
Result<void> open(const Options& options);
// Starts a new file (SIGUSR1). Nothing happens when the log goes to stderr.
Result<void> rotate();
void flush();

bool enabled(Level level);

// One field of a structured line, written after `level`, `time` and `sender`, in the order given.
using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;
struct Field {
  std::string_view name;
  Value value;
};
// Strings are escaped; bytes that are not UTF-8 are replaced by U+FFFD, so a line is always valid JSON.
void write(Level level, std::string_view sender, std::initializer_list<Field> fields);
// The same, for lines whose fields depend on what there is to tell.
void write(Level level, std::string_view sender, std::span<const Field> fields);

// An app line: {"level","time","sender","connection_id","message"}; connection_id is left out when empty.
void message(Level level, std::string_view sender, std::string_view connection_id, std::string_view text);

template <class... Args>
void debug(std::string_view sender, std::string_view id, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::debug)) message(Level::debug, sender, id, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(std::string_view sender, std::string_view id, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::info)) message(Level::info, sender, id, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warn(std::string_view sender, std::string_view id, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::warn)) message(Level::warn, sender, id, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(std::string_view sender, std::string_view id, fmt::format_string<Args...> format, Args&&... args) {
  message(Level::error, sender, id, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace ferry::log
