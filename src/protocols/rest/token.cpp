// Access tokens: a name and a password, with a one-time code where the account has them, become one; logging out ends
// it.
#include <fmt/chrono.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "http/credentials.h"
#include "protocols/rest/operations.h"

namespace ferry::rest {

namespace {

// `error`: what was wrong with the credentials; empty when there were none.
http::Response login_refused(std::string_view error = "the username or the password is wrong") {
  http::Response response = api_response(401, http::status_text(401), error);
  response.headers.set("WWW-Authenticate", "Basic realm=\"Ferry\", charset=\"UTF-8\"");
  return response;
}

std::string rfc3339(std::int64_t seconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

http::Response issued(const auth::IssuedToken& token) {
  return json_response(200, {{"access_token", token.access_token}, {"expires_at", rfc3339(token.expires_at)}});
}

// X-SFTPGO-OTP: a one-time code or a recovery code.
std::optional<crypto::Secret> passcode(const http::Request& request) {
  constexpr std::string_view field = "X-SFTPGO-OTP";
  if (request.headers.count(field) != 1) return std::nullopt;
  return crypto::Secret(request.headers.get(field));
}

}  // namespace

Task<http::Response> get_token(const Call& call) {
  auto credentials = http::basic_credentials(call.request);
  if (!credentials) co_return login_refused("");
  auth::AdminLoginRequest login{.username = std::move(credentials->username),
                                .password = std::move(credentials->password),
                                .client_ip = call.request.remote_ip,
                                .code = passcode(call.request).value_or(crypto::Secret())};
  const auto admin = co_await call.api.logins.authenticator.login_admin(std::move(login));
  if (!admin) co_return login_refused();
  co_return issued(call.api.logins.tokens.issue(**admin, call.request.remote_ip));
}

Task<http::Response> get_user_token(const Call& call) {
  auto credentials = http::basic_credentials(call.request);
  if (!credentials) co_return login_refused("");
  if (call.api.logins.lets_in) {
    const bool welcome = co_await call.api.logins.lets_in(call.request.remote_ip);
    if (!welcome) co_return api_response(403, "", "access denied");
  }
  auth::LoginRequest login;
  login.connection_id = call.request.id;
  login.protocol = "HTTP";
  login.client_ip = call.request.remote_ip;
  login.username = std::move(credentials->username);
  login.method = auth::Method::password;
  login.password = std::move(credentials->password);
  login.code = passcode(call.request);
  const auto outcome = co_await call.api.logins.authenticator.login(std::move(login));
  if (!outcome || outcome->code_due || outcome->partial) co_return login_refused();
  auth::log_login({.client_ip = call.request.remote_ip,
                   .username = outcome->user->username,
                   .method = outcome->method,
                   .protocol = "HTTP",
                   .connection_id = {},
                   .client = call.request.headers.get("User-Agent"),
                   .encrypted = call.request.secure});
  co_return issued(call.api.logins.tokens.issue(*outcome->user, call.request.remote_ip));
}

// A forgotten password is set anew with a code that comes by mail, and there is no mail: this is what SFTPGo answers
// without SMTP settings, whoever asks.
http::Response password_by_mail(const Call& call) {
  constexpr std::string_view no_mail = "No SMTP configuration";
  const bool asks_for_code = call.request.path.ends_with("/forgot-password");
  return asks_for_code ? api_response(400, no_mail) : api_response(400, "", no_mail);
}

http::Response log_out(const Call& call) {
  call.api.logins.tokens.revoke(call.caller->token);
  return api_response(200, "Your token has been invalidated");
}

}  // namespace ferry::rest
