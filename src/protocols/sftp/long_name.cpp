#include "protocols/sftp/long_name.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <ctime>
#include <iterator>

namespace ferry::sftp {

namespace {

constexpr std::int64_t half_year = (365 * 24 * 60 * 60) / 2;

char type_letter(std::uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return '-';
    case S_IFDIR: return 'd';
    case S_IFLNK: return 'l';
    case S_IFCHR: return 'c';
    case S_IFBLK: return 'b';
    case S_IFIFO: return 'p';
    case S_IFSOCK: return 's';
    default: return '?';
  }
}

std::array<char, 10> mode_letters(std::uint32_t mode) {
  std::array<char, 10> out{type_letter(mode)};
  for (unsigned bit = 0; bit < 9; ++bit) out[1 + bit] = (mode & (0400U >> bit)) != 0 ? "rwxrwxrwx"[bit] : '-';
  if (mode & S_ISUID) out[3] = out[3] == 'x' ? 's' : 'S';
  if (mode & S_ISGID) out[6] = out[6] == 'x' ? 's' : 'S';
  if (mode & S_ISVTX) out[9] = out[9] == 'x' ? 't' : 'T';
  return out;
}

// Twelve characters, in English whatever the locale: programs read them.
void append_time(std::string& out, std::int64_t seconds, std::int64_t now) {
  static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t when = seconds;
  std::tm local{};
  if (!localtime_r(&when, &local)) {
    out += "Jan  1  1970";
    return;
  }
  const auto month = months[static_cast<std::size_t>(local.tm_mon)];
  if (seconds > now - half_year && seconds < now + half_year) {
    fmt::format_to(std::back_inserter(out), "{} {:2} {:02}:{:02}", month, local.tm_mday, local.tm_hour, local.tm_min);
  } else {
    fmt::format_to(std::back_inserter(out), "{} {:2} {:5}", month, local.tm_mday, 1900 + std::int64_t{local.tm_year});
  }
}

}  // namespace

void append_long_name(std::string& out, std::string_view name, const vfs::FileInfo& info, std::int64_t now) {
  const std::array<char, 10> mode = mode_letters(info.posix_mode());
  fmt::format_to(std::back_inserter(out), "{} {:3} {:<8} {:<8} {:8} ", std::string_view(mode.data(), mode.size()),
                 info.links, info.uid, info.gid, info.size);
  append_time(out, info.modified.seconds, now);
  out += ' ';
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
}

}  // namespace ferry::sftp
