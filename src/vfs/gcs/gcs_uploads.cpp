// Upload sessions ("resumable uploads").
#include <algorithm>

#include "crypto/crc32c.h"
#include "vfs/gcs/answers.h"
#include "vfs/gcs/conditions.h"
#include "vfs/gcs/gcs_store.h"

namespace ferry::vfs::gcs {

namespace {

constexpr int cancelled = 499;  // what DELETE of a session answers

// What is left of `pieces` after their first `count` bytes.
std::vector<ByteSpan> after(std::vector<ByteSpan> pieces, std::uint64_t count) {
  std::vector<ByteSpan> left;
  for (const ByteSpan piece : pieces) {
    const std::uint64_t skipped = std::min<std::uint64_t>(count, piece.size());
    count -= skipped;
    if (skipped < piece.size()) left.push_back(piece.subspan(skipped));
  }
  return left;
}

std::vector<ByteSpan> first_of(std::vector<ByteSpan> pieces, std::uint64_t count) {
  std::vector<ByteSpan> some;
  for (const ByteSpan piece : pieces) {
    const std::uint64_t taken = std::min<std::uint64_t>(count, piece.size());
    count -= taken;
    if (taken > 0) some.push_back(piece.first(taken));
  }
  return some;
}

std::unexpected<Error> session_ended() { return fail(ErrorCode::not_found, "GCS: no such upload"); }

// "bytes 0-524287/*"; of the last one the sum is known: "bytes 524288-524297/524298", "bytes */524298" without bytes.
std::string range_text(std::uint64_t from, std::uint64_t size, bool last) {
  const std::string range = size == 0 ? "*" : std::to_string(from) + "-" + std::to_string(from + size - 1);
  return "bytes " + range + "/" + (last ? std::to_string(from + size) : "*");
}

}  // namespace

std::shared_ptr<GcsStore::Session> GcsStore::session_of(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second;
}

void GcsStore::forget(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  sessions_.erase(id);
}

Task<Result<object::Upload>> GcsStore::begin_upload(std::string key, object::ObjectProperties properties,
                                                    object::Condition condition) {
  if (const auto named = check_name(key); !named) co_return fail(named.error());
  Call call;
  call.method = "POST";
  call.path = service_->upload_path();
  call.of_object = false;
  call.query.emplace_back("uploadType", "resumable");
  add_condition(call.query, condition);
  if (!service_->options().acl.empty()) call.query.emplace_back("predefinedAcl", service_->options().acl);
  call.content_type = "application/json; charset=UTF-8";
  call.body = describe_object(key, properties, service_->options().storage_class, std::nullopt);
  auto answer = co_await service_->send(std::move(call));
  if (!answer) co_return fail(with_condition(answer.error(), condition));
  std::string url(answer->header("location"));
  if (!service_->is_ours(url)) co_return fail(ErrorCode::protocol_error, "GCS: an upload session at another host");
  {
    const std::scoped_lock lock(mutex_);
    sessions_[url] = std::make_shared<Session>();
  }
  co_return object::Upload{.key = std::move(key), .id = std::move(url)};
}

Task<Result<GcsStore::Progress>> GcsStore::ask_session(std::string id, std::string range, std::vector<ByteSpan> pieces,
                                                       std::vector<http::ClientHeader> headers) {
  Call call;
  call.method = "PUT";
  call.url = std::move(id);
  call.headers = std::move(headers);
  call.headers.push_back({"Content-Range", std::move(range)});
  call.pieces = std::move(pieces);
  auto answer = co_await service_->exchange(std::move(call));
  if (!answer) co_return fail(answer.error());
  Progress progress;
  if (answer->status == 308) {
    const auto stored = stored_bytes(answer->header("range"));
    if (!stored) co_return fail(ErrorCode::protocol_error, "GCS: an upload session stored something else");
    progress.stored = *stored;
    co_return progress;
  }
  if (answer->status != 200 && answer->status != 201) co_return fail(service_->error_of("PUT", true, *answer));
  auto info = parse_object(answer->body);
  if (!info) co_return fail(info.error());
  progress.stored = info->size;
  progress.object = std::move(*info);
  co_return progress;
}

// `pieces`, of `size` bytes, follow what is stored. The service may take fewer of them at once.
Task<Result<GcsStore::Progress>> GcsStore::send_range(std::string id, std::shared_ptr<Session> session,
                                                      std::vector<ByteSpan> pieces, std::uint64_t size, bool last) {
  const std::uint64_t begin = session->stored, end = begin + size;
  std::uint64_t at = begin;
  Result<Progress> progress = Progress{begin};
  // Other contents are refused then, instead of published.
  std::vector<http::ClientHeader> hash;
  if (last) hash.push_back({"X-Goog-Hash", "crc32c=" + crc_text(session->crc32c)});
  if (session->in_doubt) {
    const std::string range = last ? "bytes */" + std::to_string(end) : "bytes */*";
    std::vector<ByteSpan> nothing;
    std::vector<http::ClientHeader> headers = hash;
    progress = co_await ask_session(id, range, std::move(nothing), std::move(headers));
    if (!progress) co_return progress;
    at = progress->stored;
    if (at < begin || at > end) co_return fail(ErrorCode::protocol_error, "GCS: an upload session has lost bytes");
  }
  session->in_doubt = true;  // until the answer says something else
  while (!progress->object && (at < end || last)) {
    std::vector<http::ClientHeader> headers = hash;
    std::vector<ByteSpan> left = after(pieces, at - begin);
    const std::string range = range_text(at, end - at, last);
    progress = co_await ask_session(id, range, std::move(left), std::move(headers));
    if (!progress) co_return progress;
    if (progress->object) break;
    if (progress->stored <= at || progress->stored > end) {
      co_return fail(ErrorCode::io_error, "GCS: an upload session does not go on");
    }
    at = progress->stored;
  }
  // An object before its last byte was sent, or another one: somebody else has ended this session.
  if (progress->object && (!last || progress->object->size != end)) {
    co_return fail(ErrorCode::conflict, "GCS: an upload has been completed by somebody else");
  }
  session->in_doubt = false;
  co_return progress;
}

Task<Result<object::Part>> GcsStore::put_part(object::Upload upload, std::uint32_t number, std::uint64_t offset,
                                              object::Payload payload) {
  const std::shared_ptr<Session> session = session_of(upload.id);
  if (!session) co_return session_ended();
  if (offset != session->stored + session->rest.size()) {
    co_return fail(ErrorCode::invalid_argument, "GCS: parts are sent in order");
  }
  std::vector<ByteSpan> pieces{ByteSpan(session->rest)};
  pieces.insert(pieces.end(), payload.pieces.begin(), payload.pieces.end());
  const std::uint64_t size = session->rest.size() + payload.size;
  const std::uint64_t sent = size / session_multiple * session_multiple;
  if (sent > 0) {
    std::vector<ByteSpan> now = first_of(pieces, sent);
    auto progress = co_await send_range(upload.id, session, std::move(now), sent, false);
    if (!progress) co_return fail(progress.error());
  }
  Bytes rest;
  for (const ByteSpan piece : after(pieces, sent)) rest.insert(rest.end(), piece.begin(), piece.end());
  for (const ByteSpan piece : payload.pieces) session->crc32c = crypto::crc32c(piece, session->crc32c);
  session->stored += sent;
  session->rest = std::move(rest);
  object::Part part;
  part.number = number;
  part.offset = offset;
  part.size = payload.size;
  part.crc32c = payload.crc32c;
  co_return part;
}

Task<Result<object::Part>> GcsStore::copy_part(object::Upload, std::uint32_t, std::uint64_t, std::string, std::uint64_t,
                                               std::uint64_t, std::string) {
  co_return fail(ErrorCode::unsupported, "GCS: parts are not copied from other objects");
}

Task<Result<object::ObjectInfo>> GcsStore::complete(object::Upload upload, std::vector<object::Part> parts,
                                                    object::ObjectProperties, object::Condition condition) {
  const std::shared_ptr<Session> session = session_of(upload.id);
  if (!session) co_return session_ended();
  const std::uint64_t size = session->stored + session->rest.size();
  std::uint64_t named = 0;
  for (const object::Part& part : parts) named += part.size;
  if (named != size) co_return fail(ErrorCode::invalid_argument, "GCS: other parts than those that were sent");
  std::vector<ByteSpan> pieces;
  if (!session->rest.empty()) pieces.push_back(ByteSpan(session->rest));
  auto progress = co_await send_range(upload.id, session, std::move(pieces), session->rest.size(), true);
  if (!progress) co_return fail(with_condition(progress.error(), condition));
  forget(upload.id);
  object::ObjectInfo info = std::move(*progress->object);
  if (!info.crc32c || *info.crc32c == session->crc32c) co_return info;
  co_await remove_damaged(std::move(upload.key), info.version);
  co_return fail(ErrorCode::protocol_error, "GCS: what was stored is not what was sent");
}

Task<Result<void>> GcsStore::abort(object::Upload upload) {
  Call call;
  call.method = "DELETE";
  call.url = upload.id;
  auto answer = co_await service_->exchange(std::move(call));
  if (!answer) co_return fail(answer.error());
  const int status = answer->status;
  if (status != cancelled && status != 404 && status != 410 && status >= 300) {
    co_return fail(service_->error_of("DELETE", true, *answer));
  }
  forget(upload.id);
  co_return Result<void>();
}

Task<Result<std::vector<object::Part>>> GcsStore::parts(object::Upload upload) {
  const std::shared_ptr<Session> session = session_of(upload.id);
  if (!session) co_return session_ended();
  const std::string id = upload.id, range = "bytes */*";
  std::vector<ByteSpan> none;
  std::vector<http::ClientHeader> no_headers;
  auto progress = co_await ask_session(id, range, std::move(none), std::move(no_headers));
  if (!progress) co_return fail(progress.error());
  if (progress->object) co_return session_ended();
  object::Part part;
  part.number = 1;
  part.size = progress->stored + session->rest.size();
  co_return std::vector<object::Part>(1, part);
}

}  // namespace ferry::vfs::gcs
