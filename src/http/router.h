// Which handler answers a method and a path.
//
//   Router router;
//   router.add({.method = "GET", .pattern = "/api/v2/users/{username}", .handler = get_user});
//
// A pattern's segments match literally or, as {name}, any one segment that is not empty. The target is split at
// '/' before it is decoded, so an encoded "%2F" stays inside its segment; "." and ".." mean nothing here and
// match no literal. Literals win over {name}s.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "http/message.h"

namespace ferry::http {

// The request lives until the response is sent.
using Handler = std::function<Task<Response>(Request&)>;
// Runs before the body is read: an answer here ends the request without reading it.
using Gate = std::function<Task<std::optional<Response>>(Request&)>;
// The response for what the server or router refuses by itself (400, 404, 405, 408, 413, ...).
using ErrorPage = std::function<Response(int status, std::string_view detail)>;

struct Route {
  std::string method;
  std::string pattern;
  std::size_t body_limit = 0;  // bytes; a longer body is refused with 413
  Gate gate = {};              // may be empty
  Handler handler = {};
};

class Router {
 public:
  // A route of the same method and pattern is replaced.
  void add(Route route);
  // How errors look below `prefix`; the longest prefix wins, plain text where none fits.
  void set_error_page(std::string prefix, ErrorPage page);

  struct Match {
    const Route* route = nullptr;
    int status = 404;   // why there is no route: 400, 404 or 405
    std::string allow;  // for 405: the methods of this path
    Parameters params;
    std::string path;  // decoded
  };
  // `raw_path`: as sent, without the query. A HEAD is answered by the GET route.
  Match match(std::string_view method, std::string_view raw_path) const;

  Response error(std::string_view raw_path, int status, std::string_view detail) const;

 private:
  struct Entry {
    std::vector<std::string> segments;
    Route route;
  };
  std::vector<Entry> entries_;
  std::vector<std::pair<std::string, ErrorPage>> error_pages_;
};

}  // namespace ferry::http
