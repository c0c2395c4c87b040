#include "vfs/s3/sts.h"

#include <optional>

#include "crypto/cipher.h"
#include "crypto/encoding.h"
#include "vfs/s3/answers.h"
#include "vfs/s3/endpoint.h"

namespace ferry::vfs::s3 {

namespace {

constexpr std::chrono::seconds service_limit{30};
using StsAsked = std::shared_ptr<const CredentialSurroundings>;

std::int64_t sts_now() { return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()); }

std::string sts_variable(const StsAsked& surroundings, const char* name) {
  const auto found = surroundings->environment.find(name);
  return found == surroundings->environment.end() ? std::string() : found->second;
}

// China and GovCloud know no keys of other partitions, and the other way round.
std::string region_of(const StsAsked& surroundings, const Role& role) {
  if (!role.region.empty()) return role.region;
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    std::string region = sts_variable(surroundings, name);
    if (!region.empty()) return region;
  }
  if (role.arn.starts_with("arn:aws-cn:")) return "cn-north-1";
  if (role.arn.starts_with("arn:aws-us-gov:")) return "us-gov-west-1";
  return "us-east-1";
}

bool is_over(const ServiceError& error) {
  return error.code == "ExpiredToken" || error.code == "ExpiredTokenException";
}

bool is_passing_answer(int status, const ServiceError& error) {
  return status == 408 || status == 429 || status >= 500 || error.code.starts_with("Throttl") ||
         error.code == "RequestLimitExceeded" || error.code == "IDPCommunicationError";
}

Pairs role_form(const char* action, const Role& role) {
  Pairs pairs{{"Action", action}, {"Version", "2011-06-15"}, {"RoleArn", role.arn}};
  pairs.emplace_back("RoleSessionName", role.session_name.empty() ? "ferry" : role.session_name);
  if (!role.external_id.empty()) pairs.emplace_back("ExternalId", role.external_id);
  if (!role.duration.empty()) pairs.emplace_back("DurationSeconds", role.duration);
  return pairs;
}

void sign_for_sts(http::ClientRequest& request, const StsPlace& place, const std::string& region,
                  const Credentials& with) {
  const std::int64_t time = sts_now();
  RequestToSign signing{.method = "POST", .path = place.path, .query = {}, .headers = {}, .payload_hash = {}};
  signing.payload_hash = crypto::hex_encode(crypto::hash(crypto::HashAlgorithm::sha256, {as_bytes(request.body)}));
  signing.headers = {{"host", place.host}, {"x-amz-date", amz_date(time)}};
  if (!with.session_token.empty()) signing.headers.emplace_back("x-amz-security-token", with.session_token);
  request.headers.push_back({"authorization", authorization(signing, {region, "sts"}, with, time)});
  for (const auto& [name, value] : signing.headers) {
    if (name != "host") request.headers.push_back({name, value});
  }
}

Task<Result<Credentials>> ask_sts(StsAsked surroundings, Pairs form, std::string region,
                                  std::optional<Credentials> with, bool* over) {
  const Result<StsPlace> place = sts_place(sts_variable(surroundings, "AWS_ENDPOINT_URL_STS"), region);
  if (!place) co_return fail(place.error());
  http::ClientRequest request;
  request.method = "POST";
  request.url = place->scheme + "://" + place->host + place->path;
  request.content_type = "application/x-www-form-urlencoded";
  request.body = canonical_query(form);
  request.timeout = service_limit;
  if (with) sign_for_sts(request, *place, region, *with);
  Result<http::ClientResponse> answer = co_await surroundings->client->send(std::move(request));
  if (!answer) co_return fail(passing_or_refused("STS", answer.error()));
  if (answer->status == 200) {
    Result<Credentials> found = parse_sts(answer->body);
    crypto::wipe(answer->body.data(), answer->body.size());
    co_return found;
  }
  const ServiceError error = parse_error(answer->body);
  if (over != nullptr) *over = is_over(error);
  const ErrorCode code = is_passing_answer(answer->status, error) ? ErrorCode::io_error : ErrorCode::permission_denied;
  co_return fail(code, "S3 credentials: STS answered " + std::to_string(answer->status) + " " + error.code +
                           (error.message.empty() ? "" : ": ") + error.message);
}

}  // namespace

Error passing_or_refused(std::string_view who, const Error& error) {
  const bool refused = error.code == ErrorCode::invalid_argument || error.code == ErrorCode::permission_denied;
  return {refused ? ErrorCode::permission_denied : ErrorCode::io_error,
          "S3 credentials: " + std::string(who) + (refused ? ": " : " does not answer: ") + error.message};
}

Result<StsPlace> sts_place(std::string_view own, const std::string& region) {
  if (own.empty()) return StsPlace{"https", "sts." + region + "." + std::string(dns_suffix(region)), "/"};
  const std::size_t mark = own.find("://");
  StsPlace place;
  if (mark != std::string_view::npos) place.scheme = own.substr(0, mark);
  std::string_view rest = mark == std::string_view::npos ? std::string_view() : own.substr(mark + 3);
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  place.host = rest.substr(0, slash);
  rest.remove_prefix(slash);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  place.path = std::string(rest) + "/";
  const std::string_view standard = place.scheme == "https" ? ":443" : ":80";
  if (place.host.ends_with(standard)) place.host.resize(place.host.size() - standard.size());
  const bool known = place.scheme == "https" || place.scheme == "http";
  if (!known || place.host.empty() || own.find_first_of("@?# \\") != std::string_view::npos) {
    return fail(ErrorCode::invalid_argument, "S3 credentials: AWS_ENDPOINT_URL_STS is not a URL of http or https");
  }
  return place;
}

Task<Result<Credentials>> assume_role(std::shared_ptr<const CredentialSurroundings> surroundings, Credentials with,
                                      Role role, bool* over) {
  std::string region = region_of(surroundings, role);
  Pairs form = role_form("AssumeRole", role);
  std::optional<Credentials> signer(std::move(with));
  Result<Credentials> found =
      co_await ask_sts(std::move(surroundings), std::move(form), std::move(region), std::move(signer), over);
  co_return found;
}

Task<Result<Credentials>> assume_role_by_token(std::shared_ptr<const CredentialSurroundings> surroundings,
                                               std::string token, Role role) {
  std::string region = region_of(surroundings, role);
  Pairs form = role_form("AssumeRoleWithWebIdentity", role);
  form.emplace_back("WebIdentityToken", std::move(token));
  Result<Credentials> found =
      co_await ask_sts(std::move(surroundings), std::move(form), std::move(region), std::nullopt, nullptr);
  co_return found;
}

}  // namespace ferry::vfs::s3
