#include "http/request_check.h"

#include <algorithm>

namespace ferry::http {

Target split_target(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() >= scheme.size() && equal_ignoring_case(target.substr(0, scheme.size()), scheme)) {
      target.remove_prefix(scheme.size());
      target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
      break;
    }
  }
  const std::size_t mark = std::min(target.find('?'), target.size());
  return {target.substr(0, mark), target.substr(std::min(mark + 1, target.size()))};
}

std::optional<BadFraming> check_framing(const Request& request, unsigned version) {
  const Headers& headers = request.headers;
  if (version != 10 && version != 11) return BadFraming{505, "HTTP/1.0 and HTTP/1.1 are served"};
  // RFC 9112 section 3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request
  // message that lacks a Host header field and to any request message that contains more than one".
  const std::size_t hosts = headers.count("Host");
  if (hosts > 1 || (hosts == 0 && version == 11)) return BadFraming{400, "exactly one Host field is needed"};
  if (headers.count("Content-Length") > 1) return BadFraming{400, "more than one Content-Length"};
  if (headers.get("Content-Length").find_first_not_of("0123456789") != std::string_view::npos) {
    return BadFraming{400, "bad Content-Length"};
  }
  const std::size_t encodings = headers.count("Transfer-Encoding");
  if (encodings == 0) return std::nullopt;
  // Section 6.1: a request with both "ought to be handled as an error"; in HTTP/1.0 the framing is faulty.
  if (headers.has("Content-Length")) return BadFraming{400, "both Content-Length and Transfer-Encoding"};
  if (version == 10) return BadFraming{400, "Transfer-Encoding in HTTP/1.0"};
  if (encodings > 1 || !equal_ignoring_case(headers.get("Transfer-Encoding"), "chunked")) {
    return BadFraming{501, "only the chunked transfer encoding is known"};
  }
  return std::nullopt;
}

}  // namespace ferry::http
