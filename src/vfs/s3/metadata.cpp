// Credentials from the services that AWS runs beside a container or a virtual machine.
#include <boost/asio/ip/address.hpp>

#include "vfs/s3/answers.h"
#include "vfs/s3/providers.h"
#include "vfs/s3/sts.h"

namespace ferry::vfs::s3 {

namespace {

constexpr std::chrono::seconds metadata_limit{2};
using MetadataAsked = std::shared_ptr<const CredentialSurroundings>;

std::string metadata_variable(const MetadataAsked& surroundings, const char* name) {
  const auto found = surroundings->environment.find(name);
  return found == surroundings->environment.end() ? std::string() : found->second;
}

// `absent`: set when it answers that it has none (404 and its like), which is no failure of the service.
Task<Result<std::string>> fetch_text(MetadataAsked surroundings, std::string who, http::ClientRequest request,
                                     bool* absent) {
  request.timeout = metadata_limit;
  Result<http::ClientResponse> answer = co_await surroundings->client->send(std::move(request));
  if (!answer) co_return fail(passing_or_refused(who, answer.error()));
  if (answer->status == 200) co_return std::move(answer->body);
  const bool passing = answer->status == 408 || answer->status == 429 || answer->status >= 500;
  *absent = !passing;
  co_return fail(passing ? ErrorCode::io_error : ErrorCode::permission_denied,
                 "S3 credentials: " + who + " answered " + std::to_string(answer->status));
}

Result<FoundCredentials> read_answer(std::string text) {
  Result<Credentials> found = parse_json_credentials(text, "Token");
  crypto::wipe(text.data(), text.size());
  if (!found) return fail(found.error());
  return FoundCredentials(std::move(*found));
}

}  // namespace

bool is_container_url(std::string_view url) {
  if (url.starts_with("https://")) return true;
  constexpr std::string_view scheme = "http://";
  if (!url.starts_with(scheme) || url.find_first_of("@\\ ") != std::string_view::npos) return false;
  url.remove_prefix(scheme.size());
  const std::string_view authority = url.substr(0, url.find_first_of("/?#"));
  std::string host(authority.starts_with('[') ? authority.substr(1, authority.find(']') - 1)
                                              : authority.substr(0, authority.find(':')));
  if (host == "localhost") return true;
  boost::system::error_code problem;
  const auto address = asio::ip::make_address(host, problem);
  if (problem) return false;
  return address.is_loopback() || host == "169.254.170.2" || host == "169.254.170.23" || host == "fd00:ec2::23";
}

Task<Result<FoundCredentials>> container_credentials(std::shared_ptr<const CredentialSurroundings> surroundings) {
  const std::string relative = metadata_variable(surroundings, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const std::string full = metadata_variable(surroundings, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (relative.empty() && full.empty()) co_return FoundCredentials();
  http::ClientRequest request;
  request.url = relative.empty() ? full : "http://169.254.170.2" + relative;
  if (!is_container_url(request.url)) {
    co_return fail(ErrorCode::permission_denied,
                   "S3 credentials: the container's URL is neither of https nor of this machine");
  }
  std::string token = metadata_variable(surroundings, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
  std::string file = metadata_variable(surroundings, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (!file.empty()) {
    std::optional<std::string> read = co_await read_token(std::move(file));
    if (!read) {
      co_return fail(ErrorCode::permission_denied, "S3 credentials: the container's token file cannot be read");
    }
    token = std::move(*read);
  }
  if (!token.empty()) request.headers.push_back({"authorization", token});
  bool absent = false;
  Result<std::string> text =
      co_await fetch_text(std::move(surroundings), "the container's service", std::move(request), &absent);
  if (!text) co_return fail(text.error());
  co_return read_answer(std::move(*text));
}

// IMDSv2 alone: the first version answers whoever can make this server ask a URL.
Task<Result<FoundCredentials>> machine_credentials(std::shared_ptr<const CredentialSurroundings> surroundings) {
  if (metadata_variable(surroundings, "AWS_EC2_METADATA_DISABLED") == "true") co_return FoundCredentials();
  std::string base = metadata_variable(surroundings, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (base.empty()) base = "http://169.254.169.254";
  while (base.ends_with('/')) base.pop_back();
  const std::string who = "the metadata service of this machine (" + base + ")";
  bool absent = false;
  http::ClientRequest begin;
  begin.method = "PUT";
  begin.url = base + "/latest/api/token";
  begin.content_type = "";
  begin.headers.push_back({"x-aws-ec2-metadata-token-ttl-seconds", "21600"});
  const Result<std::string> token = co_await fetch_text(surroundings, who, std::move(begin), &absent);
  if (!token && absent) co_return FoundCredentials();  // not a machine of EC2
  if (!token) co_return fail(token.error());
  const http::ClientHeader proof{"x-aws-ec2-metadata-token", *token};
  const std::string place = base + "/latest/meta-data/iam/security-credentials/";
  http::ClientRequest ask_role;
  ask_role.url = place;
  ask_role.headers.push_back(proof);
  const Result<std::string> roles = co_await fetch_text(surroundings, who, std::move(ask_role), &absent);
  if (!roles && !absent) co_return fail(roles.error());
  const std::string role = roles ? roles->substr(0, roles->find_first_of("\r\n ")) : std::string();
  if (role.empty()) co_return fail(ErrorCode::permission_denied, "S3 credentials: this machine has no role");
  http::ClientRequest ask_keys;
  ask_keys.url = place + uri_encode(role, false);
  ask_keys.headers.push_back(proof);
  Result<std::string> text = co_await fetch_text(surroundings, who, std::move(ask_keys), &absent);
  if (!text) co_return fail(text.error());
  co_return read_answer(std::move(*text));
}

}  // namespace ferry::vfs::s3
