#include "http/credentials.h"

#include "crypto/encoding.h"

namespace ferry::http {

namespace {

constexpr std::size_t max_basic_credentials = 4096;

// What follows the scheme in the one Authorization field; empty when there is not exactly that.
std::string_view value_after(const Request& request, std::string_view scheme_and_space) {
  if (request.headers.count("Authorization") != 1) return {};
  const std::string_view value = request.headers.get("Authorization");
  if (!equal_ignoring_case(value.substr(0, scheme_and_space.size()), scheme_and_space)) return {};
  return value.substr(scheme_and_space.size());
}

}  // namespace

std::optional<BasicCredentials> basic_credentials(const Request& request) {
  const std::string_view encoded = value_after(request, "Basic ");
  if (encoded.empty() || encoded.size() > max_basic_credentials) return std::nullopt;
  auto decoded = crypto::base64_decode(encoded);
  if (!decoded) return std::nullopt;
  const std::string_view text = as_text(*decoded);
  const std::size_t colon = text.find(':');
  std::optional<BasicCredentials> out;
  if (colon != std::string_view::npos && colon != 0) {
    out.emplace(std::string(text.substr(0, colon)), crypto::Secret(text.substr(colon + 1)));
  }
  crypto::wipe(*decoded);
  return out;
}

std::string api_key(const Request& request) {
  constexpr std::string_view field = "X-SFTPGO-API-KEY";
  return request.headers.count(field) == 1 ? std::string(request.headers.get(field)) : std::string();
}

std::string bearer_token(const Request& request) { return std::string(value_after(request, "Bearer ")); }

}  // namespace ferry::http
