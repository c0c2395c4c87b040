#include "vfs/azure/identity.h"

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdlib>

#include "base/contained_file.h"
#include "http/message.h"
#include "vfs/azure/answers.h"
#include "vfs/object/times.h"

namespace ferry::vfs::azure {

namespace {

constexpr std::int64_t early = 300;  // seconds
constexpr std::size_t longest_token = std::size_t{64} * 1024;
constexpr std::chrono::milliseconds longest_wait{30'000}, between_looks{50};
constexpr std::string_view scope = "https://storage.azure.com/.default", resource = "https://storage.azure.com/";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

void replace_by_variable(std::string& text, const char* name) {
  std::string value = variable(name);
  while (value.ends_with('/')) value.pop_back();
  if (!value.empty()) text = std::move(value);
}

// Kubernetes writes the file anew before the token in it ends, so it is read each time. Blocks.
Result<std::string> read_token_file(const std::string& path) {
  Result<std::string> text = read_file(path, longest_token);
  if (!text) return fail(ErrorCode::permission_denied, "AZURE_FEDERATED_TOKEN_FILE: " + text.error().message);
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  if (text->empty()) return fail(ErrorCode::permission_denied, "AZURE_FEDERATED_TOKEN_FILE is empty");
  return text;
}

Error refusal(int status) {
  const std::string message = "no token for Azure: status " + std::to_string(status);
  if (status == 429 || status >= 500) return {ErrorCode::io_error, message};
  return {ErrorCode::permission_denied, message};
}

}  // namespace

IdentitySettings IdentitySettings::from_environment() {
  IdentitySettings settings;
  settings.tenant = variable("AZURE_TENANT_ID");
  settings.client = variable("AZURE_CLIENT_ID");
  settings.client_secret = crypto::Secret(variable("AZURE_CLIENT_SECRET"));
  settings.token_file = variable("AZURE_FEDERATED_TOKEN_FILE");
  settings.endpoint = variable("IDENTITY_ENDPOINT");
  settings.endpoint_header = crypto::Secret(variable("IDENTITY_HEADER"));
  replace_by_variable(settings.authority, "AZURE_AUTHORITY_HOST");
  replace_by_variable(settings.metadata, "AZURE_POD_IDENTITY_AUTHORITY_HOST");
  return settings;
}

Identity::Identity(IdentitySettings settings, std::shared_ptr<http::Client> client)
    : settings_(std::move(settings)), client_(std::move(client)) {}

Task<Result<crypto::Secret>> Identity::token() {
  bool mine = false;
  {
    const std::scoped_lock lock(mutex_);
    const std::int64_t left = held_.expires - object::unix_now();
    if (left > early || (left > 0 && held_.fetching)) co_return held_.token;
    if (!held_.fetching) {
      mine = true;
      held_.fetching = true;
    }
  }
  if (mine) {
    auto fetched = co_await fetch_and_keep();
    co_return fetched;
  }
  auto waited = co_await wait_for_another();
  co_return waited;
}

Task<Result<crypto::Secret>> Identity::wait_for_another() {
  const auto until = std::chrono::steady_clock::now() + longest_wait;
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  while (std::chrono::steady_clock::now() < until) {
    timer.expires_after(between_looks);
    co_await timer.async_wait(asio::use_awaitable);
    const std::scoped_lock lock(mutex_);
    if (held_.expires > object::unix_now()) co_return held_.token;
    if (!held_.fetching) co_return fail(ErrorCode::io_error, "no token for Azure could be had");
  }
  co_return fail(ErrorCode::timeout, "no token for Azure in time");
}

Task<Result<crypto::Secret>> Identity::fetch_and_keep() {
  // Whatever happens, also the end of this coroutine where it stands, nobody may wait for ever.
  const FetchEnds ends(*this);
  auto request = co_await request_of();
  if (!request) co_return fail(request.error());
  const std::int64_t began = object::unix_now();
  auto answer = co_await client_->send(std::move(*request));
  co_return keep(std::move(answer), began);
}

Result<crypto::Secret> Identity::keep(Result<http::ClientResponse> answer, std::int64_t began) {
  Error problem;
  if (!answer) {
    problem = answer.error();
  } else if (answer->status != 200) {
    problem = refusal(answer->status);
  } else {
    auto parsed = parse_token(answer->body, began);
    crypto::wipe(answer->body.data(), answer->body.size());
    if (parsed) {
      const std::scoped_lock lock(mutex_);
      held_.token = crypto::Secret(parsed->token);
      held_.expires = began + parsed->expires_in;
      crypto::wipe(parsed->token.data(), parsed->token.size());
      return held_.token;
    }
    problem = parsed.error();
  }
  const std::scoped_lock lock(mutex_);
  if (held_.expires > object::unix_now()) return held_.token;
  return fail(std::move(problem));
}

Task<Result<http::ClientRequest>> Identity::request_of() {
  const bool named = !settings_.tenant.empty() && !settings_.client.empty();
  const std::string common = "grant_type=client_credentials&client_id=" + http::percent_encode(settings_.client) +
                             "&scope=" + http::percent_encode(scope);
  if (named && !settings_.client_secret.empty()) {
    co_return exchange(common + "&client_secret=" + http::percent_encode(settings_.client_secret.text()));
  }
  if (named && !settings_.token_file.empty()) {
    const std::string path = settings_.token_file;
    const auto read = [path] { return read_token_file(path); };
    auto assertion = co_await run_blocking(Lane::remote, read);
    if (!assertion) co_return fail(assertion.error());
    co_return exchange(common + "&client_assertion_type=" +
                       http::percent_encode("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") +
                       "&client_assertion=" + http::percent_encode(*assertion));
  }
  co_return managed();
}

http::ClientRequest Identity::exchange(std::string form) const {
  http::ClientRequest request;
  request.method = "POST";
  request.url = settings_.authority + "/" + http::percent_encode(settings_.tenant) + "/oauth2/v2.0/token";
  request.content_type = "application/x-www-form-urlencoded";
  request.body = std::move(form);
  request.retried = true;
  return request;
}

http::ClientRequest Identity::managed() const {
  http::ClientRequest request;
  const std::string wanted = "resource=" + http::percent_encode(resource) +
                             (settings_.client.empty() ? "" : "&client_id=" + http::percent_encode(settings_.client));
  if (!settings_.endpoint.empty() && !settings_.endpoint_header.empty()) {
    request.url = settings_.endpoint + "?api-version=2019-08-01&" + wanted;
    request.headers.push_back({"X-IDENTITY-HEADER", std::string(settings_.endpoint_header.text())});
  } else {
    request.url = settings_.metadata + "/metadata/identity/oauth2/token?api-version=2018-02-01&" + wanted;
    request.headers.push_back({"Metadata", "true"});
    request.timeout = std::chrono::seconds(10);
  }
  return request;
}

}  // namespace ferry::vfs::azure
