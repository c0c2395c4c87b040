// Copies inside the service.
#include <fmt/format.h>

#include <algorithm>

#include "vfs/s3/answers.h"
#include "vfs/s3/requests.h"
#include "vfs/s3/s3_store.h"

namespace ferry::vfs::s3 {

namespace {

// REPLACE replaces all that is stored with an object: what others have set there would be lost.
void keep_metadata(Pairs& headers, const http::ClientResponse& source) {
  constexpr std::string_view kept[] = {"cache-control",    "content-disposition",
                                       "content-encoding", "content-language",
                                       "expires",          "x-amz-website-redirect-location"};
  for (const auto& [name, value] : source.headers) {
    const bool ours = std::ranges::find(headers, name, &Pairs::value_type::first) != headers.end();
    if (ours || value.empty()) continue;
    if (name.starts_with("x-amz-meta-") || std::ranges::find(kept, name) != std::end(kept)) {
      headers.emplace_back(name, value);
    }
  }
}

}  // namespace

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
  if (properties) {
    call.headers.emplace_back("x-amz-metadata-directive", "REPLACE");
    Call look{.method = "HEAD", .key = from};
    add_encryption(look.headers, customer_prefix);
    const Result<http::ClientResponse> source = co_await send(std::move(look));
    if (!source) co_return fail(source.error());
    if (properties->content_type.empty()) call.content_type = source->header("content-type");
    keep_metadata(call.headers, *source);
    // What is copied is what the metadata is of.
    if (source_version.empty()) source_version = quoted_tag(source->header("etag"));
  }
  add_encryption(call.headers, source_customer_prefix);
  add_condition(call.headers, condition);
  call.creates = condition.absent;
  call.limit = work_in_service;
  Result<http::ClientResponse> answer = co_await send_copy(std::move(call), std::move(from), std::move(source_version));
  if (!answer) co_return fail(answer.error());
  auto tag = parse_etag(answer->body);
  if (!tag) co_return fail(tag.error());
  object::ObjectInfo info;
  info.key = std::move(to);
  info.version = std::move(*tag);
  co_return info;
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
  call.limit = work_in_service;
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

}  // namespace ferry::vfs::s3
