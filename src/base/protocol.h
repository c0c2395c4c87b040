// What a listener speaks. The numbers are those of IP lists (REST schema IPListEntry), where they are added up.
#pragma once

#include <cstdint>
#include <string_view>

namespace ferry {

enum class Protocol : std::uint8_t { ssh = 1, ftp = 2, webdav = 4, http = 8 };

constexpr unsigned bit(Protocol protocol) { return static_cast<unsigned>(protocol); }

// As in configuration, logs and denied_protocols.
constexpr std::string_view to_string(Protocol protocol) {
  switch (protocol) {
    case Protocol::ssh: return "SSH";
    case Protocol::ftp: return "FTP";
    case Protocol::webdav: return "DAV";
    case Protocol::http: return "HTTP";
  }
  return "";
}

}  // namespace ferry
