#include "vfs/s3/s3_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "base/log.h"
#include "base/trouble.h"
#include "crypto/cipher.h"
#include "crypto/encoding.h"
#include "crypto/hasher.h"
#include "vfs/object/times.h"
#include "vfs/s3/answers.h"
#include "vfs/s3/requests.h"

namespace ferry::vfs::s3 {

namespace {

constexpr std::string_view unsigned_payload = "UNSIGNED-PAYLOAD";
constexpr std::size_t customer_key_size = 32;
// A page of 1,000 keys of 1,024 bytes, each byte encoded as three.
constexpr std::size_t longest_answer = std::size_t{8} << 20;
// Copies inside the service, and putting 10,000 parts together, take minutes.
constexpr std::chrono::seconds long_work{600}, stall{30};
constexpr std::uint64_t least_rate = 1024;  // bytes a second, of what is no transfer any more
constexpr std::size_t most_deletes = 1000;
constexpr std::int64_t least_skew = 300;  // seconds; AWS refuses from 900 on
constexpr int most_lessons = 2;           // that one request may teach: a clock, and a token or a header

std::int64_t now() { return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()); }

std::string hex_sha256(std::span<const ByteSpan> pieces) {
  crypto::Hasher hasher(crypto::HashAlgorithm::sha256);
  for (const ByteSpan piece : pieces) hasher.update(piece);
  return crypto::hex_encode(hasher.finish());
}

bool is_expired_token(const ServiceError& error) {
  return error.code == "ExpiredToken" || error.code == "ExpiredTokenException" || error.code == "TokenRefreshRequired";
}

bool mentions_checksum(const ServiceError& error) {
  std::string text = error.code + error.message;
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  // One that does not fit says that the bytes were damaged on their way.
  if (text.contains("mismatch") || text.contains("baddigest")) return false;
  return text.contains("checksum") || text.contains("x-amz-sdk") || text.contains("crc32c");
}

}  // namespace

Result<std::unique_ptr<S3Store>> S3Store::make(StoreOptions options, std::shared_ptr<http::Client> client,
                                               std::shared_ptr<CredentialSource> credentials) {
  auto endpoint = endpoint_of(options.endpoint);
  if (!endpoint) return fail(endpoint.error());
  if (!options.sse_customer_key.empty() && options.sse_customer_key.size() != customer_key_size) {
    return fail(ErrorCode::invalid_argument, "S3: sse_customer_key must have 32 bytes");
  }
  if (!options.sse_customer_key.empty() && !endpoint->tls && !endpoint->loopback) {
    return fail(ErrorCode::invalid_argument, "S3: sse_customer_key is only sent over https");
  }
  return std::unique_ptr<S3Store>(
      new S3Store(std::move(options), std::move(*endpoint), std::move(client), std::move(credentials)));
}

S3Store::S3Store(StoreOptions options, Endpoint endpoint, std::shared_ptr<http::Client> client,
                 std::shared_ptr<CredentialSource> credentials)
    : options_(std::move(options)),
      endpoint_(std::move(endpoint)),
      client_(std::move(client)),
      credentials_(std::move(credentials)) {
  traits_.name = "s3fs";
  traits_.equal_parts = endpoint_.host.ends_with(".r2.cloudflarestorage.com");
}

std::string S3Store::location(std::string_view key) const {
  return "s3://" + options_.endpoint.bucket + "/" + std::string(key);
}

std::string S3Store::path_of(std::string_view key) const {
  const std::string path = endpoint_.base_path + "/" + uri_encode(key, true);
  return path;
}

// Over TLS the body needs no signature: nobody can change it on its way, and SHA-256 costs 0.7 s for each GB.
std::string S3Store::payload_hash(const Call& call) const {
  if (call.payload.size > 0 && endpoint_.tls) return std::string(unsigned_payload);
  if (call.payload.size > 0) return hex_sha256(call.payload.pieces);
  return crypto::hex_encode(crypto::hash(crypto::HashAlgorithm::sha256, {as_bytes(call.body)}));
}

// `prefix`: "x-amz-server-side-encryption-customer-", or the same for the source of a copy.
void S3Store::add_encryption(Pairs& headers, const std::string& prefix) const {
  if (options_.sse_customer_key.empty()) return;
  headers.emplace_back(prefix + "algorithm", "AES256");
  headers.emplace_back(prefix + "key", crypto::base64_encode(options_.sse_customer_key.bytes()));
  headers.emplace_back(prefix + "key-md5", md5_text(options_.sse_customer_key.bytes()));
}

void S3Store::add_properties(Pairs& headers, Call& call, const object::ObjectProperties& properties) const {
  if (properties.modified) headers.emplace_back("x-amz-meta-mtime", write_mtime(*properties.modified));
  if (!properties.sha256.empty()) headers.emplace_back("x-amz-meta-sha256", properties.sha256);
  if (!properties.writing.empty()) headers.emplace_back("x-amz-meta-ferrywriting", properties.writing);
  if (!options_.storage_class.empty()) headers.emplace_back("x-amz-storage-class", options_.storage_class);
  if (!options_.acl.empty()) headers.emplace_back("x-amz-acl", options_.acl);
  call.content_type = properties.content_type.empty() ? "application/octet-stream" : properties.content_type;
  add_encryption(headers, customer_prefix);
}

Task<Result<http::ClientResponse>> S3Store::send_once(const Call& call, const Credentials& credentials,
                                                      bool with_checksum) {
  const std::int64_t time = now() + skew_;
  RequestToSign request{.method = call.method,
                        .path = path_of(call.key),
                        .query = call.query,
                        .headers = call.headers,
                        .payload_hash = {}};
  request.payload_hash = payload_hash(call);
  request.headers.emplace_back("host", endpoint_.host);
  request.headers.emplace_back("x-amz-content-sha256", request.payload_hash);
  request.headers.emplace_back("x-amz-date", amz_date(time));
  if (!credentials.session_token.empty()) {
    request.headers.emplace_back("x-amz-security-token", credentials.session_token);
  }
  if (call.checked && with_checksum)
    request.headers.emplace_back("x-amz-checksum-crc32c", crc_text(call.payload.crc32c));
  const SigningScope scope{endpoint_.region, "s3"};
  const std::string sign = authorization(request, scope, credentials, time);
  http::ClientRequest sent;
  sent.method = call.method;
  sent.url = (endpoint_.tls ? "https://" : "http://") + endpoint_.host + request.path;
  if (!call.query.empty()) sent.url += "?" + canonical_query(call.query);
  sent.content_type = call.content_type;
  for (auto& [name, value] : request.headers) {
    if (name != "host") sent.headers.push_back({name, value});
  }
  sent.headers.push_back({"authorization", sign});
  sent.body = call.body;
  sent.pieces = call.payload.pieces;
  sent.into = call.into;
  sent.received = call.received;
  sent.max_response = longest_answer;
  const bool streams = call.payload.size > 0 || call.into;
  sent.timeout = streams ? std::chrono::milliseconds(0) : std::chrono::milliseconds(call.limit);
  if (streams) {
    sent.stalled_after = stall;
    sent.least_rate = least_rate;
  }
  Result<http::ClientResponse> answer = co_await client_->send(std::move(sent));
  co_return answer;
}

// An answer to HEAD has no body that could say why; then the service's Date has to do.
bool S3Store::learns_clock(const http::ClientResponse& answer, const ServiceError& error) {
  const bool silent = answer.status == 403 && answer.body.empty();
  if (error.code != "RequestTimeTooSkewed" && !silent) return false;
  const auto theirs = object::parse_http_date(answer.header("date"));
  if (!theirs || (silent && std::abs(*theirs - now() - skew_) <= least_skew)) return false;
  skew_ = *theirs - now();
  return true;
}

// Whether the request should be sent once more, because of what its answer says about the service.
bool S3Store::learns(const Call& call, const http::ClientResponse& answer, const Credentials& used,
                     bool with_checksum) {
  if (answer.status < 400) return false;
  const ServiceError error = parse_error(answer.body);
  if (learns_clock(answer, error)) return true;
  const bool silent = call.method == "HEAD" && answer.status == 400 && !used.session_token.empty();
  if (is_expired_token(error) || silent) return credentials_->expired(used);
  const bool refused = answer.status == 501 || (answer.status == 400 && mentions_checksum(error));
  if (!with_checksum || !refused) return false;
  if (checksums_.exchange(false)) {
    log::info("s3fs", "", "{} takes no checksums ({} {}): uploads go on without them", endpoint_.host, answer.status,
              error.code);
  }
  return true;
}

Task<Result<http::ClientResponse>> S3Store::send(Call call) {
  const std::int64_t skew = skew_;
  for (int attempt = 0;; ++attempt) {
    const bool with_checksum = call.checked && checksums_;
    const Result<Credentials> credentials = co_await credentials_->credentials();
    if (!credentials) co_return fail(credentials.error());
    Result<http::ClientResponse> answer = co_await send_once(call, *credentials, with_checksum);
    if (!answer) co_return answer;
    if (answer->status < 300) {
      // CopyObject and CompleteMultipartUpload may fail after they have answered 200.
      const bool failed = !call.into && answer->body.contains("<Error>") && !parse_error(answer->body).code.empty();
      if (!failed) co_return answer;
    } else if (attempt < most_lessons && learns(call, *answer, *credentials, with_checksum)) {
      continue;
    }
    // Refused with their time as well: it was not the clock, and a Date that is wrong must not stop what went well.
    if (attempt > 0 && answer->status == 403 && call.method == "HEAD") skew_ = skew;
    co_return fail(error_of(call, *answer));
  }
}

namespace {

ErrorCode code_of(int status, const ServiceError& error, bool creates) {
  if (error.code == "SlowDown" || error.code == "TooManyRequests") return ErrorCode::limit_exceeded;
  if (error.code == "RequestTimeout") return ErrorCode::timeout;
  if (error.code == "InternalError") return ErrorCode::io_error;
  // Another request for the key is under way: what will be there is not known yet.
  if (error.code == "ConditionalRequestConflict" || error.code == "OperationAborted") return ErrorCode::io_error;
  if (is_expired_token(error)) return ErrorCode::permission_denied;
  if (error.code == "ObjectParentIsFile" || error.code == "ParentIsObject") return ErrorCode::not_a_directory;
  switch (status) {
    case 400: return error.code == "BadDigest" ? ErrorCode::io_error : ErrorCode::invalid_argument;
    case 401:
    case 403: return ErrorCode::permission_denied;
    case 404: return ErrorCode::not_found;
    case 408: return ErrorCode::timeout;
    case 409:
    case 412: return creates ? ErrorCode::already_exists : ErrorCode::conflict;
    case 416: return ErrorCode::invalid_argument;
    case 429:
    case 503: return ErrorCode::limit_exceeded;
    case 501: return ErrorCode::unsupported;
    default: return status >= 500 || status < 300 ? ErrorCode::io_error : ErrorCode::invalid_argument;
  }
}

std::optional<Trouble> trouble_in(const ServiceError& error) {
  using enum Trouble;
  constexpr std::pair<std::string_view, Trouble> known[] = {{"NoSuchBucket", no_bucket},
                                                            {"InvalidBucketName", no_bucket},
                                                            {"InvalidAccessKeyId", bad_key},
                                                            {"SignatureDoesNotMatch", bad_key},
                                                            {"InvalidToken", bad_key},
                                                            {"XAdminUserNotFound", bad_key},  // versitygw
                                                            {"ExpiredToken", bad_key},
                                                            {"RequestTimeTooSkewed", clock},
                                                            {"AuthorizationHeaderMalformed", wrong_region},
                                                            {"PermanentRedirect", wrong_region},
                                                            {"TemporaryRedirect", wrong_region}};
  for (const auto& [code, trouble] : known) {
    if (error.code == code) return trouble;
  }
  return std::nullopt;
}

}  // namespace

Error S3Store::error_of(const Call& call, const http::ClientResponse& answer) {
  const ServiceError error = parse_error(answer.body);
  const ErrorCode code = code_of(answer.status, error, call.creates);
  std::int64_t seconds = 0;
  const std::string_view after = answer.header("retry-after");
  std::from_chars(after.data(), after.data() + after.size(), seconds);
  if (code == ErrorCode::limit_exceeded) retry_after_ = std::clamp<std::int64_t>(seconds, 0, 60) * 1000;
  Error said{code, fmt::format("S3: {} {}: {} {}{}{}", call.method, location(call.key), answer.status, error.code,
                               error.message.empty() ? "" : ": ", error.message)};
  const auto trouble = trouble_in(error);
  return trouble ? with_trouble(std::move(said), *trouble) : said;
}

}  // namespace ferry::vfs::s3
