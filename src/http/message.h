// What a handler gets and what it answers.
//
//   Task<Response> get_user(Request& request) {
//     const std::string_view name = request.param("username");
//     ...
//     co_return Response::json(200, body);
//   }
//
// A request has passed the server's checks: framing is unambiguous, every size is within its limit, the path
// was percent-decoded exactly once and holds no NUL.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace ferry::http {

// ASCII only: field names, schemes and tokens of HTTP.
bool equal_ignoring_case(std::string_view a, std::string_view b);

// Fields in the order they came; names compare without case (RFC 9110 section 5.1).
class Headers {
 public:
  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  // Replaces every field of that name.
  void set(std::string name, std::string value);
  // The first one's value; empty when there is none.
  std::string_view get(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  bool has(std::string_view name) const { return count(name) != 0; }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// Name and value pairs, decoded: query parameters, path parameters.
using Parameters = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string id;      // unique; in the log
  std::string method;  // as sent, e.g. "GET"; methods are case-sensitive
  std::string target;  // as sent: path and query, not decoded
  std::string path;    // decoded once
  Parameters query;    // decoded once
  Parameters params;   // what the route's {name}s matched, decoded once
  Headers headers;
  std::string body;
  std::string remote_address;  // ip:port of the peer
  std::string remote_ip;
  std::string local_address;
  bool secure = false;  // over TLS
  // What a route's gate leaves for its handler: who is asking.
  std::shared_ptr<const void> principal;
  // Of a request that came through a proxy for many clients: its own right to be there.
  std::shared_ptr<void> admission;

  // Empty when the route has no such {name}.
  std::string_view param(std::string_view name) const;
  // No value when the query has none; the first when it has several.
  std::optional<std::string_view> query_value(std::string_view name) const;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;

  static Response text(int status, std::string body);
  static Response json(int status, std::string body);
};

// RFC 3986 section 2.1. invalid_argument: a '%' without two hex digits, a NUL. `plus_is_space` for the values of
// a query.
Result<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
// Encodes all but the unreserved characters, so the result is one path segment.
std::string percent_encode(std::string_view text, std::string_view also_kept = {});
// "a=b&c" as pairs; invalid_argument as above, or more than `max_pairs`.
Result<Parameters> parse_query(std::string_view query, std::size_t max_pairs = 128);

// The reason phrase; "Unknown" for a status that is not registered.
std::string_view status_text(int status);

}  // namespace ferry::http
