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

namespace ferry::vfs::s3 {

namespace {

constexpr std::string_view unsigned_payload = "UNSIGNED-PAYLOAD";
constexpr std::size_t customer_key_size = 32;
// A page of 1,000 keys of 1,024 bytes, each byte encoded as three.
constexpr std::size_t longest_answer = std::size_t{8} << 20;
// Copies inside the service, and putting 10,000 parts together, take minutes.
constexpr std::chrono::seconds long_work{600}, stall{30};
constexpr std::size_t most_deletes = 1000;
constexpr std::int64_t least_skew = 300;  // seconds; AWS refuses from 900 on
constexpr int most_lessons = 2;           // that one request may teach: a clock, and a token or a header

std::int64_t now() { return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()); }

std::string hex_sha256(std::span<const ByteSpan> pieces) {
  crypto::Hasher hasher(crypto::HashAlgorithm::sha256);
  for (const ByteSpan piece : pieces) hasher.update(piece);
  return crypto::hex_encode(hasher.finish());
}

std::string crc_text(std::uint32_t crc) {
  std::byte bytes[sizeof crc];
  store_u32(bytes, crc);
  return crypto::base64_encode(bytes);
}

std::string md5_text(ByteSpan bytes) {
  return crypto::base64_encode(crypto::hash(crypto::HashAlgorithm::md5, {bytes}));
}

// XML 1.0 has no control characters but these, so such keys cannot be named in a body.
bool fits_in_xml(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < ' ' && c != '\t' && c != '\n' && c != '\r'; });
}

std::string xml_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      case '\r': result += "&#13;"; break;
      case '\n': result += "&#10;"; break;
      case '\t': result += "&#9;"; break;
      default: result += c;
    }
  }
  return result;
}

object::ObjectInfo info_of(std::string key, const http::ClientResponse& answer) {
  object::ObjectInfo info;
  info.key = std::move(key);
  const std::string_view length = answer.header("content-length");
  std::from_chars(length.data(), length.data() + length.size(), info.size);
  info.version = quoted_tag(answer.header("etag"));
  info.content_type = answer.header("content-type");
  info.sha256 = answer.header("x-amz-meta-sha256");
  info.writing = answer.header("x-amz-meta-ferrywriting");
  const auto stored = object::parse_http_date(answer.header("last-modified"));
  if (stored) info.modified.seconds = *stored;
  if (const auto set = parse_mtime(answer.header("x-amz-meta-mtime"))) info.modified = *set;
  return info;
}

void add_condition(Pairs& headers, const object::Condition& condition) {
  if (condition.absent) headers.emplace_back("if-none-match", "*");
  if (!condition.version.empty()) headers.emplace_back("if-match", condition.version);
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
  const std::string_view host = endpoint->host;
  const bool near = host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
  if (!options.sse_customer_key.empty() && !endpoint->tls && !near) {
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

constexpr const char* customer_prefix = "x-amz-server-side-encryption-customer-";
constexpr const char* source_customer_prefix = "x-amz-copy-source-server-side-encryption-customer-";

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
  if (streams) sent.stalled_after = stall;
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

Task<Result<void>> S3Store::check() {
  Call call{.query = {{"list-type", "2"}, {"max-keys", "1"}}};
  call.limit = std::chrono::seconds(10);
  const Result<http::ClientResponse> answer = co_await send(std::move(call));
  if (!answer) co_return fail(answer.error());
  co_return Result<void>();
}

Task<Result<object::ObjectInfo>> S3Store::head(std::string key) {
  Call call{.method = "HEAD", .key = key};
  add_encryption(call.headers, customer_prefix);
  const Result<http::ClientResponse> answer = co_await send(std::move(call));
  if (!answer) co_return fail(answer.error());
  const std::string_view length = answer->header("content-length");
  std::uint64_t size = 0;
  const auto [end, problem] = std::from_chars(length.data(), length.data() + length.size(), size);
  if (length.empty() || problem != std::errc() || end != length.data() + length.size()) {
    co_return fail(ErrorCode::protocol_error, "S3: an object without a size");
  }
  co_return info_of(std::move(key), *answer);
}

Task<Result<object::Page>> S3Store::list(object::ListRequest request) {
  Call call;
  call.query = {{"encoding-type", "url"},
                {"max-keys", std::to_string(std::min<std::size_t>(request.max, traits_.max_page))},
                {"prefix", request.prefix}};
  if (!request.flat) call.query.emplace_back("delimiter", "/");
  const bool marked = request.token.starts_with("1:");
  const std::string token = request.token.empty() ? std::string() : request.token.substr(2);
  if (marked) {
    call.query.emplace_back("marker", token);
  } else {
    call.query.emplace_back("list-type", "2");
    if (!token.empty()) call.query.emplace_back("continuation-token", token);
  }
  const Result<http::ClientResponse> answer = co_await send(std::move(call));
  if (!answer) co_return fail(answer.error());
  co_return parse_listing(answer->body);
}

Task<Result<std::size_t>> S3Store::get(std::string key, std::uint64_t offset, MutableByteSpan into,
                                       std::string version) {
  if (into.empty()) co_return std::size_t{0};
  std::uint64_t received = 0;
  const std::string place = location(key), wanted = version;
  Call call{.key = std::move(key)};
  call.headers = {{"range", fmt::format("bytes={}-{}", offset, offset + into.size() - 1)}};
  if (!version.empty()) call.headers.emplace_back("if-match", version);
  add_encryption(call.headers, customer_prefix);
  call.into = into;
  call.received = &received;
  const Result<http::ClientResponse> answer = co_await send(std::move(call));
  // A service that does not know ranges sends the object from its beginning.
  const bool named = answer && !answer->header("content-range").empty();
  const bool ranged = answer && (named ? answer->header("content-range").starts_with(fmt::format("bytes {}-", offset))
                                       : answer->status == 206);
  if (answer && !ranged && offset > 0) co_return fail(ErrorCode::unsupported, "S3: the service sends no ranges");

  if (!answer) co_return fail(answer.error());
  // Some services that are like S3 do not know the condition.
  const std::string tag = quoted_tag(answer->header("etag"));
  if (!wanted.empty() && !tag.empty() && tag != wanted) {
    co_return fail(ErrorCode::conflict, "S3: " + place + " is another object by now");
  }
  co_return static_cast<std::size_t>(received);
}

Task<Result<object::ObjectInfo>> S3Store::put(std::string key, object::Payload payload,
                                              object::ObjectProperties properties, object::Condition condition) {
  Call call{.method = "PUT", .key = key};
  add_properties(call.headers, call, properties);
  add_condition(call.headers, condition);
  call.creates = condition.absent;
  call.checked = true;
  const std::uint64_t size = payload.size;
  call.payload = std::move(payload);
  const Result<http::ClientResponse> answer = co_await send(std::move(call));
  if (!answer) co_return fail(answer.error());
  object::ObjectInfo info = info_of(std::move(key), *answer);
  if (info.version.empty()) co_return fail(ErrorCode::protocol_error, "S3: an object was stored without an ETag");
  info.size = size;
  co_return info;
}

Task<Result<void>> S3Store::remove(std::string key) {
  Call call{.method = "DELETE", .key = std::move(key)};
  const Result<http::ClientResponse> answer = co_await send(std::move(call));
  if (!answer && answer.error().code != ErrorCode::not_found) co_return fail(answer.error());
  co_return Result<void>();
}

Task<Result<void>> S3Store::remove_some(std::vector<std::string> keys) {
  Call call{.method = "POST", .query = {{"delete", ""}}};
  call.content_type = "application/xml";
  call.body = "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>";
  for (const std::string& key : keys) call.body += "<Object><Key>" + xml_text(key) + "</Key></Object>";
  call.body += "</Delete>";
  call.headers = {{"content-md5", md5_text(as_bytes(call.body))}};
  call.limit = long_work;
  const Result<http::ClientResponse> answer = co_await send(std::move(call));
  if (!answer) co_return fail(answer.error());
  const auto failed = parse_failed_deletes(answer->body);
  if (!failed) co_return fail(failed.error());
  if (!failed->empty()) co_return fail(ErrorCode::io_error, "S3: not removed: " + failed->front());
  co_return Result<void>();
}

Task<Result<void>> S3Store::remove_many(std::vector<std::string> keys) {
  std::vector<std::string> together;
  Result<void> done;
  for (std::string& key : keys) {
    if (fits_in_xml(key)) {
      together.push_back(std::move(key));
      continue;
    }
    done = co_await remove(std::move(key));
    if (!done) co_return done;
  }
  for (std::size_t from = 0; from < together.size(); from += most_deletes) {
    const auto begin = together.begin() + static_cast<std::ptrdiff_t>(from);
    const auto end = together.begin() + static_cast<std::ptrdiff_t>(std::min(from + most_deletes, together.size()));
    std::vector<std::string> some(begin, end);
    done = co_await remove_some(std::move(some));
    if (!done) co_return done;
  }
  co_return done;
}

std::string S3Store::copy_source(std::string_view key) const {
  return "/" + uri_encode(options_.endpoint.bucket, true) + "/" + uri_encode(key, true);
}

// Only of the version that was read. Of a service that does not know the condition the source is looked at just before.
Task<Result<http::ClientResponse>> S3Store::send_copy(Call call, std::string source, std::string version) {
  Result<http::ClientResponse> answer = fail(ErrorCode::unsupported);
  if (version.empty()) {
    answer = co_await send(std::move(call));
    co_return answer;
  }
  if (source_conditions_) {
    Call conditional = call;
    conditional.headers.emplace_back("x-amz-copy-source-if-match", version);
    answer = co_await send(std::move(conditional));
    if (answer || answer.error().code != ErrorCode::unsupported) co_return answer;
    source_conditions_ = false;
  }
  const Result<object::ObjectInfo> now = co_await head(std::move(source));
  if (!now) co_return fail(now.error());
  if (now->version != version) co_return fail(ErrorCode::conflict, "S3: the source of a copy has changed");
  answer = co_await send(std::move(call));
  co_return answer;
}

Task<Result<object::ObjectInfo>> S3Store::copy(std::string from, std::string to,
                                               std::optional<object::ObjectProperties> properties,
                                               std::string source_version, object::Condition condition) {
  Call call{.method = "PUT", .key = to};
  call.headers = {{"x-amz-copy-source", copy_source(from)}};
  const object::ObjectProperties none;
  add_properties(call.headers, call, properties ? *properties : none);
  if (properties) call.headers.emplace_back("x-amz-metadata-directive", "REPLACE");
  add_encryption(call.headers, source_customer_prefix);
  add_condition(call.headers, condition);
  call.creates = condition.absent;
  call.limit = long_work;
  Result<http::ClientResponse> answer = co_await send_copy(std::move(call), std::move(from), std::move(source_version));
  if (!answer) co_return fail(answer.error());
  auto tag = parse_etag(answer->body);
  if (!tag) co_return fail(tag.error());
  object::ObjectInfo info;
  info.key = std::move(to);
  info.version = std::move(*tag);
  co_return info;
}

Task<Result<object::Upload>> S3Store::begin_upload(std::string key, object::ObjectProperties properties) {
  Call call{.method = "POST", .key = key, .query = {{"uploads", ""}}};
  add_properties(call.headers, call, properties);
  const bool with_checksums = checksums_;
  if (with_checksums) call.headers.emplace_back("x-amz-checksum-algorithm", "CRC32C");
  Result<http::ClientResponse> answer = co_await send(call);
  // Some services refuse the header here already.
  const bool refused =
      !answer && with_checksums &&
      (answer.error().code == ErrorCode::unsupported || answer.error().code == ErrorCode::invalid_argument);
  if (refused) {
    call.headers.pop_back();
    answer = co_await send(call);
    if (answer) checksums_ = false;
  }
  if (!answer) co_return fail(answer.error());
  auto id = parse_upload_id(answer->body);
  if (!id) co_return fail(id.error());
  co_return object::Upload{std::move(key), std::move(*id)};
}

Task<Result<object::Part>> S3Store::put_part(object::Upload upload, std::uint32_t number, std::uint64_t offset,
                                             object::Payload payload) {
  object::Part part{.number = number, .offset = offset, .size = payload.size, .crc32c = payload.crc32c};
  Call call{.method = "PUT", .key = upload.key};
  call.query = {{"partNumber", std::to_string(number)}, {"uploadId", upload.id}};
  add_encryption(call.headers, customer_prefix);
  call.checked = true;
  call.payload = std::move(payload);
  const Result<http::ClientResponse> answer = co_await send(std::move(call));
  if (!answer) co_return fail(answer.error());
  part.tag = quoted_tag(answer->header("etag"));
  if (part.tag.empty()) co_return fail(ErrorCode::protocol_error, "S3: a part without an ETag");
  co_return part;
}

Task<Result<object::Part>> S3Store::copy_part(object::Upload upload, std::uint32_t number, std::uint64_t offset,
                                              std::string source, std::uint64_t source_offset, std::uint64_t size,
                                              std::string source_version) {
  Call call{.method = "PUT", .key = upload.key};
  call.query = {{"partNumber", std::to_string(number)}, {"uploadId", upload.id}};
  call.headers = {{"x-amz-copy-source", copy_source(source)},
                  {"x-amz-copy-source-range", fmt::format("bytes={}-{}", source_offset, source_offset + size - 1)}};
  add_encryption(call.headers, customer_prefix);
  add_encryption(call.headers, source_customer_prefix);
  call.limit = long_work;
  Result<http::ClientResponse> answer =
      co_await send_copy(std::move(call), std::move(source), std::move(source_version));
  if (!answer) co_return fail(answer.error());
  auto tag = parse_etag(answer->body);
  if (!tag) co_return fail(tag.error());
  if (tag->empty()) co_return fail(ErrorCode::protocol_error, "S3: a copied part without an ETag");
  object::Part part{.number = number, .offset = offset, .size = size, .tag = std::move(*tag)};
  part.crc32c = parse_checksum(answer->body);
  co_return part;
}

Task<Result<object::ObjectInfo>> S3Store::complete(object::Upload upload, std::vector<object::Part> parts,
                                                   object::ObjectProperties, object::Condition condition) {
  Call call{.method = "POST", .key = upload.key, .query = {{"uploadId", upload.id}}};
  call.content_type = "application/xml";
  call.body = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  std::uint64_t size = 0;
  for (const object::Part& part : parts) {
    size += part.size;
    call.body += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag>", part.number, xml_text(part.tag));
    if (checksums_ && part.crc32c != 0) {
      call.body += "<ChecksumCRC32C>" + crc_text(part.crc32c) + "</ChecksumCRC32C>";
    }
    call.body += "</Part>";
  }
  call.body += "</CompleteMultipartUpload>";
  add_condition(call.headers, condition);
  add_encryption(call.headers, customer_prefix);
  call.creates = condition.absent;
  call.limit = long_work;
  const Result<http::ClientResponse> answer = co_await send(std::move(call));
  if (!answer) co_return fail(answer.error());
  auto tag = parse_etag(answer->body);
  if (!tag) co_return fail(tag.error());
  object::ObjectInfo info;
  info.key = std::move(upload.key);
  info.size = size;
  info.version = std::move(*tag);
  co_return info;
}

Task<Result<void>> S3Store::abort(object::Upload upload) {
  Call call{.method = "DELETE", .key = std::move(upload.key), .query = {{"uploadId", std::move(upload.id)}}};
  const Result<http::ClientResponse> answer = co_await send(std::move(call));
  if (!answer && answer.error().code != ErrorCode::not_found) co_return fail(answer.error());
  co_return Result<void>();
}

Task<Result<std::vector<object::Part>>> S3Store::parts(object::Upload upload) {
  std::vector<object::Part> all;
  std::string marker;
  std::uint64_t offset = 0;
  do {
    Call call{.key = upload.key, .query = {{"uploadId", upload.id}}};
    if (!marker.empty()) call.query.emplace_back("part-number-marker", marker);
    const Result<http::ClientResponse> answer = co_await send(std::move(call));
    if (!answer) co_return fail(answer.error());
    auto page = parse_parts(answer->body);
    if (!page) co_return fail(page.error());
    for (object::Part& part : page->parts) {
      part.offset = offset;
      offset += part.size;
      all.push_back(std::move(part));
    }
    if (page->next == marker && !marker.empty()) co_return fail(ErrorCode::protocol_error, "S3: pages go in a circle");
    marker = std::move(page->next);
  } while (!marker.empty());
  co_return all;
}

}  // namespace ferry::vfs::s3
