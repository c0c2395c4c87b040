// Times as services write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "vfs/file_system.h"

namespace ferry::vfs::object {

// RFC 3339 in UTC, with as many digits of the second's fraction as are needed, as rclone writes `mtime`:
// "2026-01-02T03:04:05.5Z". Empty for a year outside 0..9999.
std::string rfc3339(FileTime time);
// Any offset from UTC, a fraction of 1 to 9 digits or none. No value: something else.
std::optional<FileTime> parse_rfc3339(std::string_view text);

// RFC 9110 section 5.6.7, IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT".
std::int64_t unix_now();  // seconds
std::string http_date(std::int64_t seconds);
// No value: something else; the old forms too.
std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace ferry::vfs::object
