#include "base/log.h"

#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <ctime>
#include <memory>
#include <mutex>

#include "base/json_text.h"
#include "base/rotating_file.h"

namespace ferry::log {

namespace {

std::atomic<Level> lowest{Level::info};
std::atomic<bool> utc{false};

// The open file, if lines go to one; a shared_ptr so that a line being written outlives a second open().
std::mutex file_mutex;
std::shared_ptr<RotatingFile>& file_slot() {
  static std::shared_ptr<RotatingFile> slot;
  return slot;
}
std::shared_ptr<RotatingFile> current_file() {
  const std::lock_guard lock(file_mutex);
  return file_slot();
}

std::string_view level_name(Level level) {
  switch (level) {
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warn: return "warn";
    case Level::error:
    case Level::none: return "error";
  }
  return "error";
}

std::string second_text(std::time_t second, bool in_utc) {
  std::tm broken{};
  if (in_utc) {
    ::gmtime_r(&second, &broken);
  } else {
    ::localtime_r(&second, &broken);
  }
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", broken.tm_year + 1900, broken.tm_mon + 1, broken.tm_mday,
                     broken.tm_hour, broken.tm_min, broken.tm_sec);
}

void append_time(std::string& out) {
  // Many lines fall into one second.
  struct Shown {
    std::time_t second = -1;
    bool utc = false;
    std::string text;
  };
  thread_local Shown shown;
  timeval now{};
  ::gettimeofday(&now, nullptr);
  const bool in_utc = utc.load(std::memory_order_relaxed);
  if (shown.second != now.tv_sec || shown.utc != in_utc) {
    shown = {now.tv_sec, in_utc, second_text(now.tv_sec, in_utc)};
  }
  const auto milliseconds = static_cast<unsigned>(now.tv_usec / 1000);
  out += '"';
  out += shown.text;
  out += '.';
  for (unsigned unit = 100; unit > 0; unit /= 10) out += static_cast<char>('0' + milliseconds / unit % 10);
  out += '"';
}

struct AppendValue {
  std::string& out;
  void operator()(std::string_view text) const { append_json_string(out, text); }
  void operator()(std::int64_t number) const { fmt::format_to(std::back_inserter(out), "{}", number); }
  void operator()(std::uint64_t number) const { fmt::format_to(std::back_inserter(out), "{}", number); }
  // JSON has no NaN and no infinities.
  void operator()(double number) const {
    if (std::isfinite(number)) {
      fmt::format_to(std::back_inserter(out), "{}", number);
    } else {
      out += "null";
    }
  }
  void operator()(bool truth) const { out += truth ? "true" : "false"; }
};

void write_to_stderr(std::string_view line) {
  static std::mutex mutex;  // a pipe takes more than PIPE_BUF bytes in pieces
  const std::lock_guard lock(mutex);
  while (!line.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    line.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

Result<void> open(const Options& options) {
  std::shared_ptr<RotatingFile> file;
  if (!options.file_path.empty()) {
    RotatingFile::Limits limits;
    limits.max_size = static_cast<std::uint64_t>(std::max(options.max_size_mb, 0)) * 1024 * 1024;
    limits.max_backups = std::max(options.max_backups, 0);
    limits.max_age_days = std::max(options.max_age_days, 0);
    limits.compress = options.compress;
    auto opened = RotatingFile::open(options.file_path, limits);
    if (!opened) return fail(opened.error());
    file = std::move(*opened);
  }
  lowest = options.level;
  utc = options.utc_time;
  const std::lock_guard lock(file_mutex);
  file_slot().swap(file);
  return {};
}

Result<void> rotate() {
  const auto file = current_file();
  if (!file) return {};
  return file->rotate();
}

// Lines are not buffered; what remains to wait for is the compression of rotated files.
void flush() {
  if (const auto file = current_file()) file->wait_for_housekeeping();
}

bool enabled(Level level) { return level >= lowest.load(std::memory_order_relaxed); }

void write(Level level, std::string_view sender, std::initializer_list<Field> fields) {
  write(level, sender, std::span<const Field>(fields.begin(), fields.size()));
}

void write(Level level, std::string_view sender, std::span<const Field> fields) {
  if (!enabled(level)) return;
  thread_local std::string line;
  line.assign("{\"level\":\"");
  line += level_name(level);
  line += "\",\"time\":";
  append_time(line);
  line += ",\"sender\":";
  append_json_string(line, sender);
  for (const Field& field : fields) {
    line += ',';
    append_json_string(line, field.name);
    line += ':';
    std::visit(AppendValue{line}, field.value);
  }
  line += "}\n";
  const auto file = current_file();
  if (!file || !file->append(line)) write_to_stderr(line);
}

void message(Level level, std::string_view sender, std::string_view connection_id, std::string_view text) {
  if (connection_id.empty()) {
    write(level, sender, {{"message", text}});
  } else {
    write(level, sender, {{"connection_id", connection_id}, {"message", text}});
  }
}

}  // namespace ferry::log
