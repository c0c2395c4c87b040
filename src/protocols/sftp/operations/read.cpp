// READ (section 6.4): every byte up to the end of the file, at most max_transfer of them.
//
// The fast way reserves the whole DATA packet inside outgoing SSH packets and has the storage read straight into
// it. The slow way, for storage that must wait or a window too small, goes through a buffer.
#include <algorithm>
#include <limits>

#include "protocols/sftp/operations/fields.h"
#include "protocols/sftp/operations/operations.h"

namespace ferry::sftp {

namespace {

// u32 length, u8 type, u32 id, u32 length of the data.
constexpr std::size_t data_header = 13;
// wait_output says when there is room; should that and reserve_output ever disagree, the slow way decides.
constexpr int reservation_tries = 3;

struct ReadFields {
  ByteSpan handle;
  std::uint64_t offset = 0;
  std::size_t count = 0;
};

Result<ReadFields> parse_read(Request request) {
  ReadFields fields;
  fields.handle = request.fields.blob();
  fields.offset = request.fields.u64();
  fields.count = std::min<std::size_t>(request.fields.u32(), max_transfer);
  const Result<void> done = check_complete(request.fields);
  if (!done) return fail(done.error());
  // No file reaches beyond the largest signed offset: reading there finds the end.
  constexpr std::uint64_t last = std::numeric_limits<std::int64_t>::max();
  if (fields.offset > last - fields.count) fields.count = 0;
  return fields;
}

void make_header(std::span<std::byte, data_header> header, std::uint32_t id, std::size_t count) {
  store_u32(header.data(), static_cast<std::uint32_t>(data_header - 4 + count));
  header[4] = static_cast<std::byte>(Packet::data);
  store_u32(header.data() + 5, id);
  store_u32(header.data() + 9, static_cast<std::uint32_t>(count));
}

void put_header(std::span<const iovec> room, std::uint32_t id, std::size_t count) {
  std::byte header[data_header];
  make_header(header, id, count);
  std::size_t put = 0;
  for (const iovec& part : room) {
    const std::size_t run = std::min(part.iov_len, data_header - put);
    std::memcpy(part.iov_base, header + put, run);
    put += run;
    if (put == data_header) return;
  }
}

// Takes `count` bytes off the front of `pieces`; `first` is the first piece with anything left.
void drop_front(std::vector<iovec>& pieces, std::size_t& first, std::size_t count) {
  while (first < pieces.size() && count >= pieces[first].iov_len) count -= pieces[first++].iov_len;
  if (first == pieces.size()) return;
  pieces[first].iov_base = static_cast<std::byte*>(pieces[first].iov_base) + count;
  pieces[first].iov_len -= count;
}

// Reads until `pieces` are full or the file ends. A short answer alone does not tell the end from data that is
// not at hand. No value: not without waiting.
std::optional<Result<std::size_t>> read_pieces(session::OpenFile& file, std::uint64_t offset,
                                               std::vector<iovec>& pieces, std::size_t first) {
  std::size_t total = 0;
  while (first < pieces.size()) {
    std::optional<Result<std::size_t>> got = file.try_read_at(offset + total, std::span(pieces).subspan(first));
    if (!got || !*got) return got;
    if (**got == 0) break;
    total += **got;
    drop_front(pieces, first, **got);
  }
  return total;
}

enum class InPlace : std::uint8_t { answered, no_room, would_wait };

InPlace read_in_place(Connection& connection, session::OpenFile& file, std::uint32_t id, const ReadFields& fields) {
  const std::span<const iovec> room = connection.channel.reserve_output(data_header + fields.count);
  if (room.empty()) return InPlace::no_room;
  std::vector<iovec>& pieces = connection.pieces;
  pieces.assign(room.begin(), room.end());
  std::size_t first = 0;
  drop_front(pieces, first, data_header);
  const std::optional<Result<std::size_t>> got = read_pieces(file, fields.offset, pieces, first);
  if (got && *got && **got > 0) {
    put_header(room, id, **got);
    connection.channel.commit_output(data_header + **got);
    return InPlace::answered;
  }
  connection.channel.commit_output(0);
  if (!got) return InPlace::would_wait;
  connection.replies.post(*got ? status_reply(id, Status::eof) : status_reply(id, got->error().code));
  return InPlace::answered;
}

Task<Answer> read_through_buffer(Connection& connection, session::OpenFile& file, std::uint32_t id, ReadFields fields) {
  const MutableByteSpan buffer = connection.scratch_for(data_header + fields.count);
  const Result<std::size_t> got = co_await file.read_at(fields.offset, buffer.subspan(data_header));
  if (!got) co_return fail(got.error());
  if (*got == 0) co_return status_reply(id, Status::eof);
  make_header(buffer.first<data_header>(), id, *got);
  co_await connection.channel.write(buffer.first(data_header + *got));  // heard or not
  co_return Bytes();
}

}  // namespace

bool read_at_once(Connection& connection, Request request) {
  const Result<ReadFields> fields = parse_read(request);
  if (!fields || fields->count == 0) return false;
  Handle* handle = connection.handles.find_file(fields->handle);
  if (!handle || !handle->readable) return false;
  return read_in_place(connection, *handle->file, request.id, *fields) == InPlace::answered;
}

Task<Answer> read_file(Connection& connection, Request request) {
  const Result<ReadFields> fields = parse_read(request);
  if (!fields) co_return fail(fields.error());
  Handle* handle = connection.handles.find_file(fields->handle);
  if (!handle) co_return invalid_handle(request.id);
  if (!handle->readable) co_return fail(ErrorCode::permission_denied, "not opened for reading");
  if (fields->count == 0) co_return status_reply(request.id, Status::eof);

  for (int tries = 0; tries < reservation_tries; ++tries) {
    const bool room = co_await connection.channel.wait_output(data_header + fields->count);
    if (!room) break;
    const InPlace done = read_in_place(connection, *handle->file, request.id, *fields);
    if (done == InPlace::answered) co_return Bytes();
    if (done == InPlace::would_wait) break;
  }
  if (connection.channel.closed()) co_return Bytes();
  Answer answer = co_await read_through_buffer(connection, *handle->file, request.id, *fields);
  co_return answer;
}

}  // namespace ferry::sftp
