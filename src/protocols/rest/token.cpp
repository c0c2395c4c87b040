// Access tokens: a name and a password become one, logging out ends it.
#include <fmt/chrono.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "http/credentials.h"
#include "protocols/rest/operations.h"

namespace ferry::rest {

namespace {

http::Response login_refused() {
  http::Response response = api_response(401, "", "the username or the password is wrong");
  response.headers.set("WWW-Authenticate", "Basic realm=\"Ferry\", charset=\"UTF-8\"");
  return response;
}

std::string rfc3339(std::int64_t seconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

}  // namespace

Task<http::Response> get_token(const Call& call) {
  auto credentials = http::basic_credentials(call.request);
  if (!credentials) co_return login_refused();
  auth::AdminLoginRequest login{.username = std::move(credentials->username),
                                .password = std::move(credentials->password),
                                .client_ip = call.request.remote_ip};
  const auto admin = co_await call.api.authenticator.login_admin(std::move(login));
  if (!admin) co_return login_refused();
  const auth::IssuedToken token = call.api.tokens.issue(**admin, call.request.remote_ip);
  co_return json_response(200, {{"access_token", token.access_token}, {"expires_at", rfc3339(token.expires_at)}});
}

http::Response log_out(const Call& call) {
  call.api.tokens.revoke(call.caller->token);
  return api_response(200, "Your token has been invalidated");
}

}  // namespace ferry::rest
