#include "protocols/rest/api.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace ferry::rest {

namespace {

using nlohmann::json;

constexpr std::size_t max_page = 500;  // of a list at a time, whoever asks for more gets so many
constexpr std::size_t max_number = 1'000'000'000;

// Text that may hold bytes that are not UTF-8 (they came in a URL) becomes U+FFFD there instead of an exception.
std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

// Whether the client caused it and may read the message.
bool is_for_the_client(ErrorCode code) {
  const int status = status_of(code);
  return status >= 400 && status < 500;
}

Result<std::size_t> number(const http::Request& request, std::string_view name, std::size_t otherwise, std::size_t low,
                           std::size_t high) {
  const auto text = request.query_value(name);
  if (!text) return otherwise;
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < low || value > high) {
    return fail(ErrorCode::invalid_argument, fmt::format("{}: an integer from {} to {} expected", name, low, high));
  }
  return value;
}

}  // namespace

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found: return 404;
    case ErrorCode::permission_denied: return 403;
    case ErrorCode::already_exists: return 409;
    case ErrorCode::not_a_directory: return 400;
    case ErrorCode::is_a_directory: return 400;
    case ErrorCode::directory_not_empty: return 409;
    case ErrorCode::invalid_argument: return 400;
    case ErrorCode::unsupported: return 400;
    case ErrorCode::quota_exceeded: return 413;
    case ErrorCode::storage_full: return 507;
    case ErrorCode::limit_exceeded: return 429;
    case ErrorCode::authentication_failed: return 401;
    case ErrorCode::protocol_error: return 400;
    case ErrorCode::timeout: return 500;
    case ErrorCode::connection_lost: return 500;
    case ErrorCode::aborted: return 503;
    case ErrorCode::conflict: return 409;
    case ErrorCode::io_error: return 500;
    case ErrorCode::internal: return 500;
  }
  return 500;
}

http::Response json_response(int status, const json& body) { return http::Response::json(status, dump(body)); }

http::Response api_response(int status, std::string_view message, std::string_view error) {
  json body{{"message", message.empty() && error.empty() ? http::status_text(status) : message}};
  if (!error.empty()) body["error"] = error;
  return json_response(status, body);
}

http::Response error_response(const Error& error) {
  if (is_for_the_client(error.code)) {
    return api_response(status_of(error.code), "", error.message.empty() ? to_string(error.code) : error.message);
  }
  log::error("httpd", "", "{}: {}", to_string(error.code), error.message);
  return api_response(status_of(error.code), "");
}

http::Response created(std::string_view collection, std::string_view name, const json& body) {
  http::Response response = json_response(201, body);
  response.headers.set("Location",
                       fmt::format("{}/{}/{}", api_prefix, collection, http::percent_encode(name, "@:&=+$")));
  return response;
}

Result<store::Page> parse_page(const http::Request& request) {
  const auto limit = number(request, "limit", 100, 1, max_number);
  if (!limit) return fail(limit.error());
  // Nothing comes before the first.
  const std::string_view text = request.query_value("offset").value_or("");
  const bool negative = text.size() > 1 && text[0] == '-' && text.find_first_not_of("0123456789", 1) == text.npos;
  const auto offset = number(request, "offset", 0, 0, max_number);
  if (!offset && !negative) return fail(offset.error());
  const auto order = request.query_value("order").value_or("ASC");
  if (order != "ASC" && order != "DESC") return fail(ErrorCode::invalid_argument, "order: ASC or DESC expected");
  return store::Page{.limit = std::min(*limit, max_page), .offset = offset.value_or(0), .descending = order == "DESC"};
}

model::View view_for(const Call& call) {
  // Not for an API key: it ends, and must leave nothing that opens more than it did, such as second factors' secrets,
  // recovery codes or credentials of storages.
  const bool all = call.request.query_value("confidential_data") == "1" && call.caller->key_id.empty() &&
                   call.admin().may("*") && !limited_by_role(call.admin());
  return all ? model::View::confidential : model::View::answer;
}

}  // namespace ferry::rest
