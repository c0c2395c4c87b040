// The wire form of a response's status line and fields. Internal to src/http.
#pragma once

#include <string>
#include <string_view>

#include "http/message.h"

namespace ferry::http {

struct HeadOptions {
  std::string_view server;  // empty: no Server field
  bool keep_alive = false;
};
// Adds Date, Content-Length, Server and Connection. Control characters in a field's value become spaces, so that
// a value can never end its line.
std::string response_head(const Response& response, const HeadOptions& options);

}  // namespace ferry::http
