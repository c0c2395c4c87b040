// The checks of RFC 9112 that Beast's parser leaves to us. Internal to src/http.
#pragma once

#include <optional>
#include <string_view>

#include "http/message.h"

namespace ferry::http {

struct Target {
  std::string_view path;   // as sent
  std::string_view query;  // without '?'
};
// Takes origin-form and absolute-form apart (RFC 9112 section 3.2). Views into `target`.
Target split_target(std::string_view target);

struct BadFraming {
  int status;
  std::string_view detail;
};
// Whether two servers could disagree about where this request ends or whom it is for. `version`: 10 or 11.
std::optional<BadFraming> check_framing(const Request& request, unsigned version);

}  // namespace ferry::http
