// Requests about whole objects.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "vfs/s3/answers.h"
#include "vfs/s3/requests.h"
#include "vfs/s3/s3_store.h"

namespace ferry::vfs::s3 {

namespace {

constexpr std::size_t most_at_once = 1000;  // removals

}  // namespace

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
  call.limit = work_in_service;
  const Result<http::ClientResponse> answer = co_await send(std::move(call));
  if (!answer) co_return fail(answer.error());
  const auto failed = parse_failed_deletes(answer->body);
  if (!failed) co_return fail(failed.error());
  if (failed->empty()) co_return Result<void>();
  // Asked again, what is refused would be refused again; so it says how this ends.
  const auto refused =
      std::ranges::find(*failed, "AccessDenied", [](const FailedDelete& one) { return one.error.code; });
  const FailedDelete& why = refused == failed->end() ? failed->front() : *refused;
  const bool denied = refused != failed->end();
  const bool slow = why.error.code == "SlowDown";
  const ErrorCode code =
      denied ? ErrorCode::permission_denied : (slow ? ErrorCode::limit_exceeded : ErrorCode::io_error);
  co_return fail(code, "S3: not removed: " + location(why.key) + ": " + why.error.code);
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
  for (std::size_t from = 0; from < together.size(); from += most_at_once) {
    const auto begin = together.begin() + static_cast<std::ptrdiff_t>(from);
    const auto end = together.begin() + static_cast<std::ptrdiff_t>(std::min(from + most_at_once, together.size()));
    std::vector<std::string> some(begin, end);
    done = co_await remove_some(std::move(some));
    if (!done) co_return done;
  }
  co_return done;
}

}  // namespace ferry::vfs::s3
