#include "vfs/object/times.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>

namespace ferry::vfs::object {

namespace {

constexpr std::array<std::string_view, 7> day_names{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> month_names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Reads from the front of a text; after the first thing that does not fit it has failed.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  int number(std::size_t digits) {
    int value = 0;
    if (rest_.size() < digits) return stop();
    for (const char c : rest_.substr(0, digits)) {
      if (c < '0' || c > '9') return stop();
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(digits);
    return value;
  }
  void literal(std::string_view expected) {
    if (rest_.starts_with(expected)) {
      rest_.remove_prefix(expected.size());
    } else {
      stop();
    }
  }
  // Which of the three-letter names comes next, from 0.
  template <std::size_t Count>
  int name(const std::array<std::string_view, Count>& names) {
    for (std::size_t i = 0; i < Count; ++i) {
      if (!rest_.starts_with(names[i])) continue;
      rest_.remove_prefix(names[i].size());
      return static_cast<int>(i);
    }
    return stop();
  }
  bool next_is(char c) const { return rest_.starts_with(c); }
  bool next_is_digit() const { return !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; }
  bool ok() const { return ok_; }
  bool done() const { return ok_ && rest_.empty(); }

 private:
  int stop() {
    ok_ = false;
    rest_ = {};
    return 0;
  }

  std::string_view rest_;
  bool ok_ = true;
};

struct Clock {
  int year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0;
};

// A leap second counts as the second after it.
std::optional<std::int64_t> seconds_of(const Clock& clock) {
  const std::chrono::year_month_day date{std::chrono::year(clock.year),
                                         std::chrono::month(static_cast<unsigned>(clock.month)),
                                         std::chrono::day(static_cast<unsigned>(clock.day))};
  if (!date.ok() || clock.hour > 23 || clock.minute > 59 || clock.second > 60) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86'400 + clock.hour * 3'600 + clock.minute * 60 + clock.second;
}

Clock clock_of(std::int64_t seconds) {
  const std::chrono::sys_seconds at{std::chrono::seconds(seconds)};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(at - day);
  return {.year = static_cast<int>(date.year()),
          .month = static_cast<int>(static_cast<unsigned>(date.month())),
          .day = static_cast<int>(static_cast<unsigned>(date.day())),
          .hour = static_cast<int>(time.hours().count()),
          .minute = static_cast<int>(time.minutes().count()),
          .second = static_cast<int>(time.seconds().count())};
}

constexpr std::int64_t first_second = -62'167'219'200, last_second = 253'402'300'799;  // years 0 to 9999

std::uint32_t read_fraction(Scanner& in) {
  std::uint32_t nanoseconds = 0;
  int digits = 0;
  for (; in.next_is_digit() && digits < 9; ++digits) {
    nanoseconds = nanoseconds * 10 + static_cast<std::uint32_t>(in.number(1));
  }
  if (digits == 0) in.literal("a digit");
  for (; digits < 9; ++digits) nanoseconds *= 10;
  return nanoseconds;
}

// In seconds east of UTC.
int read_offset(Scanner& in) {
  if (in.next_is('Z') || in.next_is('z')) {
    in.literal(in.next_is('Z') ? "Z" : "z");
    return 0;
  }
  const bool west = in.next_is('-');
  in.literal(west ? "-" : "+");
  const int hours = in.number(2);
  in.literal(":");
  const int minutes = in.number(2);
  if (hours > 23 || minutes > 59) in.literal("an offset");
  return (west ? -1 : 1) * (hours * 3'600 + minutes * 60);
}

}  // namespace

std::string rfc3339(FileTime time) {
  if (time.seconds < first_second || time.seconds > last_second) return {};
  const Clock at = clock_of(time.seconds);
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", at.year, at.month, at.day, at.hour, at.minute, at.second);
  if (time.nanoseconds > 0) {
    text += fmt::format(".{:09}", time.nanoseconds);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + "Z";
}

std::optional<FileTime> parse_rfc3339(std::string_view text) {
  Scanner in(text);
  Clock at;
  at.year = in.number(4);
  in.literal("-");
  at.month = in.number(2);
  in.literal("-");
  at.day = in.number(2);
  in.literal(in.next_is('t') ? "t" : "T");
  at.hour = in.number(2);
  in.literal(":");
  at.minute = in.number(2);
  in.literal(":");
  at.second = in.number(2);
  std::uint32_t nanoseconds = 0;
  if (in.next_is('.')) {
    in.literal(".");
    nanoseconds = read_fraction(in);
  }
  const int offset = read_offset(in);
  if (!in.done()) return std::nullopt;
  const auto seconds = seconds_of(at);
  if (!seconds) return std::nullopt;
  return FileTime{*seconds - offset, nanoseconds};
}

std::int64_t unix_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string http_date(std::int64_t seconds) {
  const Clock at = clock_of(seconds);
  const auto days = std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(seconds)));
  const unsigned weekday = std::chrono::weekday(days).c_encoding();
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", day_names[weekday], at.day,
                     month_names[static_cast<std::size_t>(at.month) - 1], at.year, at.hour, at.minute, at.second);
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  Scanner in(text);
  Clock at;
  (void)in.name(day_names);
  in.literal(", ");
  at.day = in.number(2);
  in.literal(" ");
  at.month = in.name(month_names) + 1;
  in.literal(" ");
  at.year = in.number(4);
  in.literal(" ");
  at.hour = in.number(2);
  in.literal(":");
  at.minute = in.number(2);
  in.literal(":");
  at.second = in.number(2);
  in.literal(" GMT");
  if (!in.done()) return std::nullopt;
  return seconds_of(at);
}

}  // namespace ferry::vfs::object
