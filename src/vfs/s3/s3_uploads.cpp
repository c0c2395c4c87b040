// Uploads in parts.
#include <fmt/format.h>

#include <algorithm>

#include "vfs/object/retry.h"
#include "vfs/s3/answers.h"
#include "vfs/s3/requests.h"
#include "vfs/s3/s3_store.h"

namespace ferry::vfs::s3 {

Task<Result<object::Upload>> S3Store::begin_upload(std::string key, object::ObjectProperties properties,
                                                   object::Condition) {
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
  call.limit = work_in_service;
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

// A part that was on its way may be stored after the upload was aborted, and nobody would see it or remove it: who
// aborts has to look, and to abort again. Source: S3 API reference, AbortMultipartUpload.
Task<Result<void>> S3Store::abort(object::Upload upload) {
  Call call{.method = "DELETE", .key = upload.key, .query = {{"uploadId", upload.id}}};
  const Result<http::ClientResponse> answer = co_await send(std::move(call));
  if (!answer && answer.error().code != ErrorCode::not_found) co_return fail(answer.error());
  Call look{.key = std::move(upload.key), .query = {{"uploadId", std::move(upload.id)}}};
  const Result<http::ClientResponse> left = co_await send(std::move(look));
  if (left) {
    const auto page = parse_parts(left->body);
    // Passing, so that it is tried again.
    if (page && !page->parts.empty()) co_return fail(ErrorCode::io_error, "S3: parts are left of an aborted upload");
    co_return Result<void>();
  }
  // Without the right to list parts, or where the service cannot, there is nothing to be known.
  if (object::is_passing(left.error().code)) co_return fail(left.error());
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
