#include "vfs/gcs/gcs_store.h"

#include <algorithm>
#include <array>

#include "base/log.h"
#include "crypto/encoding.h"
#include "crypto/secret.h"
#include "vfs/gcs/answers.h"
#include "vfs/gcs/conditions.h"
#include "vfs/object/retry.h"

namespace ferry::vfs::gcs {

namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20, tebibyte = std::uint64_t{1} << 40;
// 1000 names of 1024 bytes, each with 8 KiB of metadata, and their escapes.
constexpr std::size_t longest_page = std::size_t{32} << 20;
// Of a rewrite; each moves at least a mebibyte, usually gigabytes in half a minute.
constexpr int most_rewrites = 100'000;
constexpr const char* listed_fields =
    "nextPageToken,prefixes,items(name,size,generation,timeCreated,contentType,crc32c,metadata)";
constexpr const char* json_type = "application/json; charset=UTF-8";

object::Traits gcs_traits() {
  object::Traits traits;
  traits.name = "gcsfs";
  traits.min_part = session_multiple;
  traits.part_multiple = session_multiple;
  traits.max_part = 1024 * mebibyte;
  traits.max_object = traits.max_put = traits.max_copy = 5 * tebibyte;
  traits.max_parts = 1'000'000;  // a session has no such limit
  traits.max_page = 1000;
  traits.parallel_parts = false;
  traits.part_copy = false;
  traits.times_in_listings = true;
  return traits;
}

// Whether the answer is of a range that begins at `offset`.
bool starts_at(const http::ClientResponse& answer, std::uint64_t offset) {
  if (answer.status == 200) return offset == 0;
  return answer.header("content-range").starts_with("bytes " + std::to_string(offset) + "-");
}

}  // namespace

Result<void> check_name(std::string_view key) {
  if (key.size() > 1024) return fail(ErrorCode::invalid_argument, "GCS: a name longer than 1024 bytes");
  if (!is_utf8(key)) return fail(ErrorCode::invalid_argument, "GCS: a name that is not UTF-8");
  return {};
}

void add_condition(Pairs& query, const object::Condition& condition) {
  if (condition.absent) query.emplace_back("ifGenerationMatch", "0");
  if (!condition.version.empty()) query.emplace_back("ifGenerationMatch", condition.version);
}

Error with_condition(Error error, const object::Condition& condition) {
  if (condition.absent && error.code == ErrorCode::conflict) error.code = ErrorCode::already_exists;
  return error;
}

GcsStore::GcsStore(std::unique_ptr<Service> service) : service_(std::move(service)), traits_(gcs_traits()) {}

Result<std::unique_ptr<GcsStore>> GcsStore::make(StoreOptions options, std::shared_ptr<http::Client> client,
                                                 std::shared_ptr<TokenSource> tokens) {
  auto service = Service::make(std::move(options), std::move(client), std::move(tokens));
  if (!service) return fail(service.error());
  return std::unique_ptr<GcsStore>(new GcsStore(std::move(*service)));
}

std::string GcsStore::location(std::string_view key) const {
  return "gs://" + service_->options().bucket + "/" + std::string(key);
}

Task<Result<void>> GcsStore::check() {
  object::ListRequest request;
  request.max = 1;
  const auto page = co_await list(std::move(request));
  if (!page) co_return fail(page.error());
  co_return Result<void>();
}

Task<Result<http::ClientResponse>> GcsStore::resource(std::string key, std::string version) {
  if (const auto named = check_name(key); !named) co_return fail(named.error());
  Call call;
  call.path = service_->object_path(key);
  if (!version.empty()) call.query.emplace_back("ifGenerationMatch", std::move(version));
  auto answer = co_await service_->send(std::move(call));
  co_return answer;
}

Task<Result<object::ObjectInfo>> GcsStore::head(std::string key) {
  auto answer = co_await resource(key, "");
  if (!answer) co_return fail(answer.error());
  auto info = parse_object(answer->body);
  if (info && info->key != key) co_return fail(ErrorCode::protocol_error, "GCS: the answer is of another object");
  co_return info;
}

Task<Result<object::Page>> GcsStore::list(object::ListRequest request) {
  if (const auto named = check_name(request.prefix); !named) co_return fail(named.error());
  Call call;
  call.path = service_->list_path();
  call.of_object = false;
  call.query.emplace_back("maxResults", std::to_string(std::clamp<std::size_t>(request.max, 1, traits_.max_page)));
  call.query.emplace_back("fields", listed_fields);
  if (!request.prefix.empty()) call.query.emplace_back("prefix", request.prefix);
  if (!request.flat) call.query.emplace_back("delimiter", "/");
  if (!request.token.empty()) call.query.emplace_back("pageToken", request.token);
  call.max_response = longest_page;
  auto answer = co_await service_->send(std::move(call));
  if (!answer) co_return fail(answer.error());
  auto page = parse_listing(answer->body);
  // A page that leads to itself would never end.
  if (page && !page->next.empty() && page->next == request.token) {
    co_return fail(ErrorCode::io_error, "GCS: a page of a listing names itself as the next one");
  }
  co_return page;
}

Task<Result<std::size_t>> GcsStore::get(std::string key, std::uint64_t offset, MutableByteSpan into,
                                        std::string version) {
  if (into.empty()) co_return std::size_t{0};
  if (const auto named = check_name(key); !named) co_return fail(named.error());
  Call call;
  call.path = service_->object_path(key);
  call.query.emplace_back("alt", "media");
  if (!version.empty()) call.query.emplace_back("ifGenerationMatch", version);
  call.headers.push_back({"Range", "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + into.size() - 1)});
  // As it is stored: the service would decompress what was stored as gzip, and then knows no ranges.
  call.headers.push_back({"Accept-Encoding", "gzip"});
  call.into = into;
  auto answer = co_await service_->exchange(std::move(call));
  if (!answer) co_return fail(answer.error());
  if (answer->status == 416) co_return std::size_t{0};  // begins at the end or behind it
  if (answer->status >= 300) co_return fail(service_->error_of("GET", true, *answer));
  if (!starts_at(*answer, offset)) co_return fail(ErrorCode::protocol_error, "GCS: the answer is of another range");
  const std::string_view generation = answer->header("x-goog-generation");
  if (!version.empty() && !generation.empty() && generation != version) {
    co_return fail(ErrorCode::conflict, "GCS: the object is another by now");
  }
  co_return static_cast<std::size_t>(answer->received);
}

Task<Result<object::ObjectInfo>> GcsStore::put(std::string key, object::Payload payload,
                                               object::ObjectProperties properties, object::Condition condition) {
  if (const auto named = check_name(key); !named) co_return fail(named.error());
  std::array<std::byte, 16> chosen{};
  crypto::random_bytes(chosen);
  const std::string boundary = "ferry-" + crypto::hex_encode(chosen);
  std::string media_type = properties.content_type;
  if (media_type.empty() || media_type.find_first_of("\r\n") != std::string::npos) {
    media_type = "application/octet-stream";
  }
  // RFC 2387: what the object is, then its content.
  const std::string head = "--" + boundary + "\r\nContent-Type: " + json_type + "\r\n\r\n" +
                           describe_object(key, properties, service_->options().storage_class, payload.crc32c) +
                           "\r\n--" + boundary + "\r\nContent-Type: " + media_type + "\r\n\r\n";
  const std::string tail = "\r\n--" + boundary + "--\r\n";
  Call call;
  call.method = "POST";
  call.path = service_->upload_path();
  call.of_object = false;
  call.query.emplace_back("uploadType", "multipart");
  add_condition(call.query, condition);
  if (!service_->options().acl.empty()) call.query.emplace_back("predefinedAcl", service_->options().acl);
  call.content_type = "multipart/related; boundary=" + boundary;
  call.pieces.push_back(as_bytes(head));
  call.pieces.insert(call.pieces.end(), payload.pieces.begin(), payload.pieces.end());
  call.pieces.push_back(as_bytes(tail));
  auto answer = co_await service_->send(std::move(call));
  if (!answer) co_return fail(with_condition(answer.error(), condition));
  auto info = parse_object(answer->body);
  if (!info) co_return fail(info.error());
  if (info->size == payload.size && (!info->crc32c || *info->crc32c == payload.crc32c)) co_return info;
  co_await remove_damaged(std::move(key), info->version);
  co_return fail(ErrorCode::protocol_error, "GCS: what was stored is not what was sent");
}

// The service checks what it gets, so this happens only when it does not. What it shows must not be taken for complete.
Task<void> GcsStore::remove_damaged(std::string key, std::string version) {
  const auto removed = co_await remove_version(key, std::move(version));
  if (!removed) {
    log::error(traits_.name, "", "{}: damaged content could not be removed: {}", location(key),
               removed.error().message);
  }
}

Task<Result<void>> GcsStore::remove(std::string key) {
  auto removed = co_await remove_version(std::move(key), "");
  co_return removed;
}

Task<Result<void>> GcsStore::remove_version(std::string key, std::string version) {
  if (const auto named = check_name(key); !named) co_return fail(named.error());
  Call call;
  call.method = "DELETE";
  call.path = service_->object_path(key);
  if (!version.empty()) call.query.emplace_back("ifGenerationMatch", version);
  auto answer = co_await service_->send(std::move(call));
  // An object that is gone does not have the generation either.
  if (!answer && !version.empty() && answer.error().code == ErrorCode::conflict) {
    auto there = co_await resource(std::move(key), "");
    if (!there && there.error().code == ErrorCode::not_found) co_return Result<void>();
  }
  if (!answer && answer.error().code != ErrorCode::not_found) co_return fail(answer.error());
  co_return Result<void>();
}

// The content stays where it is, and so does its generation. What others have stored with it stays too: PATCH merges.
Task<Result<object::ObjectInfo>> GcsStore::set_properties(std::string key, object::ObjectProperties properties,
                                                          std::string version) {
  Call call;
  call.method = "PATCH";
  call.path = service_->object_path(key);
  if (!version.empty()) call.query.emplace_back("ifGenerationMatch", std::move(version));
  call.content_type = json_type;
  call.body = describe_object("", properties, "", std::nullopt);
  auto answer = co_await service_->send(std::move(call));
  if (!answer) co_return fail(answer.error());
  auto info = parse_object(answer->body);
  co_return info;
}

Task<Result<object::ObjectInfo>> GcsStore::copy(std::string from, std::string to,
                                                std::optional<object::ObjectProperties> properties,
                                                std::string source_version, object::Condition condition) {
  if (const auto named = check_name(from); !named) co_return fail(named.error());
  if (const auto named = check_name(to); !named) co_return fail(named.error());
  if (from == to && properties) {
    const std::string version = condition.version.empty() ? source_version : condition.version;
    auto set = co_await set_properties(std::move(to), std::move(*properties), version);
    co_return set;
  }
  const StoreOptions& options = service_->options();
  Call call;
  call.method = "POST";
  call.path = service_->rewrite_path(from, to);
  if (properties) call.body = describe_object("", *properties, options.storage_class, std::nullopt);
  if (!properties && !options.storage_class.empty()) {
    const auto source = co_await resource(std::move(from), source_version);
    if (!source) co_return fail(source.error());
    auto described = with_storage_class(source->body, options.storage_class);
    if (!described) co_return fail(described.error());
    call.body = std::move(*described);
  }
  if (!call.body.empty()) call.content_type = json_type;
  if (!source_version.empty()) call.query.emplace_back("ifSourceGenerationMatch", source_version);
  add_condition(call.query, condition);
  if (!options.acl.empty()) call.query.emplace_back("destinationPredefinedAcl", options.acl);
  auto written = co_await rewrite(std::move(call));
  if (!written) co_return fail(with_condition(written.error(), condition));
  co_return written;
}

// A large object is copied by several requests, each going on where the one before has stopped.
Task<Result<object::ObjectInfo>> GcsStore::rewrite(Call call) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  std::optional<object::Retries> retries(*this);
  std::string token;
  for (int i = 0; i < most_rewrites; ++i) {
    Call step = call;
    if (!token.empty()) step.query.emplace_back("rewriteToken", token);
    auto answer = co_await service_->send(std::move(step));
    if (!answer) {
      // From the beginning the caller tries again; in between that would throw away what is copied.
      const auto pause = token.empty() ? std::nullopt : retries->after(answer.error());
      if (!pause) co_return fail(answer.error());
      timer.expires_after(*pause);
      co_await timer.async_wait(asio::use_awaitable);
      continue;
    }
    auto done = parse_rewrite(answer->body);
    if (!done) co_return fail(done.error());
    if (done->token.empty()) co_return std::move(done->object);
    token = std::move(done->token);
    retries.emplace(*this);
  }
  co_return fail(ErrorCode::io_error, "GCS: a rewrite that does not end");
}

}  // namespace ferry::vfs::gcs
