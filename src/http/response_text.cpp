#include "http/response_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

namespace ferry::http {

namespace {

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  for (const char c : value) out.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c);
  out.append("\r\n");
}

// RFC 9110 section 5.6.7, in C-locale English whatever the process's locale is.
std::string http_date() {
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::tm t = fmt::gmtime(std::time(nullptr));
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[t.tm_wday], t.tm_mday, months[t.tm_mon],
                     t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

}  // namespace

std::string response_head(const Response& response, const HeadOptions& options) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", response.status, status_text(response.status));
  for (const auto& [name, value] : response.headers) append_field(out, name, value);
  append_field(out, "Date", http_date());
  if (!options.server.empty()) append_field(out, "Server", options.server);
  // RFC 9110 section 8.6: no Content-Length in a 204.
  if (response.status != 204) append_field(out, "Content-Length", std::to_string(response.body.size()));
  if (!options.keep_alive) append_field(out, "Connection", "close");
  out.append("\r\n");
  return out;
}

}  // namespace ferry::http
