// WRITE (section 6.4). The data goes from the receive buffer to the storage without a copy; WRITEs that have
// arrived behind it and carry on where it ends go with it in one call, and each still gets its own STATUS.
#include <algorithm>
#include <limits>

#include "protocols/sftp/operations/fields.h"
#include "protocols/sftp/operations/operations.h"
#include "protocols/sftp/status.h"

namespace ferry::sftp {

namespace {

constexpr std::size_t max_batch = 1024 * 1024;
// IOV_MAX: what one pwritev takes.
constexpr std::size_t max_pieces = 1024;

struct WriteFields {
  ByteSpan handle;
  std::uint64_t offset = 0;
  std::size_t count = 0;
  std::size_t data_at = 0;  // where the data begins in the request
  std::size_t tail = 0;     // bytes after the data
};

Result<WriteFields> parse_write(Request request) {
  WriteFields fields;
  fields.handle = request.fields.blob();
  fields.offset = request.fields.u64();
  fields.count = request.fields.u32();
  fields.data_at = 9 + (4 + fields.handle.size()) + 8 + 4;
  if (!request.fields.ok() || fields.data_at + fields.count > request.size) {
    return fail(ErrorCode::protocol_error, "malformed WRITE");
  }
  // The Go library behind rclone 1.60 sends its whole 32 KiB buffer with a file's last, shorter piece.
  fields.tail = request.size - fields.data_at - fields.count;
  constexpr std::uint64_t last = std::numeric_limits<std::int64_t>::max();
  if (fields.offset > last - fields.count) return fail(ErrorCode::invalid_argument, "offset too large");
  return fields;
}

// The data is in connection.pieces, the requests' ids in connection.ids.
struct Batch {
  session::OpenFile* file = nullptr;
  std::uint64_t offset = 0;
  std::size_t count = 0;  // bytes of data
  std::size_t size = 0;   // bytes of input
};

// Takes the WRITE behind the batch in, if there is a whole one that carries it on.
bool extend(Connection& connection, Batch& batch, ByteSpan handle, FragmentCursor& cursor, std::size_t available) {
  Request next;
  if (frame_at(cursor, available - batch.size, connection.gathered, next) != FrameState::complete) return false;
  if (next.type != Packet::write) return false;
  const Result<WriteFields> fields = parse_write(next);
  if (!fields || fields->count == 0 || fields->offset != batch.offset + batch.count) return false;
  if (!std::ranges::equal(fields->handle, handle) || batch.count + fields->count > max_batch) return false;

  std::vector<iovec>& pieces = connection.pieces;
  const std::size_t before = pieces.size();
  if (!cursor.skip(fields->data_at) || !cursor.pieces(fields->count, pieces) || pieces.size() > max_pieces) {
    pieces.resize(before);
    return false;
  }
  cursor.skip(fields->tail);
  connection.ids.push_back(next.id);
  batch.count += fields->count;
  batch.size += next.size;
  return true;
}

Batch collect(Connection& connection, Request request, const WriteFields& fields, session::OpenFile& file) {
  Batch batch{.file = &file, .offset = fields.offset, .count = fields.count, .size = request.size};
  connection.ids.assign(1, request.id);
  connection.pieces.clear();
  FragmentCursor cursor(connection.channel.input());
  cursor.skip(fields.data_at);
  FragmentCursor data = cursor;
  cursor.pieces(fields.count, connection.pieces);
  cursor.skip(fields.tail);
  if (connection.pieces.size() > max_pieces) {
    // In more pieces than one call takes: put together first.
    const MutableByteSpan together = connection.scratch_for(fields.count);
    data.read(together);
    connection.pieces.assign(1, {together.data(), together.size()});
    return batch;
  }
  const std::size_t available = connection.channel.input_size();
  while (extend(connection, batch, fields.handle, cursor, available)) {
  }
  return batch;
}

// The input is given back before the answers go out: the client's window opens as soon as the data is written.
void finish(Connection& connection, const Batch& batch, const Result<void>& written) {
  connection.reader.consume(batch.size);
  Bytes replies;
  for (const std::uint32_t id : connection.ids) {
    const Bytes reply = written ? status_reply(id, Status::ok) : status_reply(id, written.error().code);
    replies.insert(replies.end(), reply.begin(), reply.end());
  }
  connection.replies.post(std::move(replies));
}

}  // namespace

bool write_at_once(Connection& connection, Request request) {
  const Result<WriteFields> fields = parse_write(request);
  if (!fields || fields->count == 0) return false;
  Handle* handle = connection.handles.find_file(fields->handle);
  if (!handle || !handle->writable) return false;
  const Batch batch = collect(connection, request, *fields, *handle->file);
  const std::optional<Result<void>> written = batch.file->try_write_at(batch.offset, connection.pieces);
  if (!written) return false;
  finish(connection, batch, *written);
  return true;
}

Task<Answer> write_file(Connection& connection, Request request) {
  const Result<WriteFields> fields = parse_write(request);
  if (!fields) co_return fail(fields.error());
  Handle* handle = connection.handles.find_file(fields->handle);
  if (!handle) co_return invalid_handle(request.id);
  if (!handle->writable) co_return fail(ErrorCode::permission_denied, "not opened for writing");
  if (fields->count == 0) co_return status_reply(request.id, Status::ok);
  const Batch batch = collect(connection, request, *fields, *handle->file);
  const Result<void> written = co_await batch.file->write_at(batch.offset, connection.pieces);
  finish(connection, batch, written);
  if (!written && connection.channel.closed()) co_return fail(written.error());  // nobody hears the answers
  co_return Bytes();
}

}  // namespace ferry::sftp
