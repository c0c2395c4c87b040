// copy-data: string read-handle, u64 read-from, u64 length (0: to the end), string write-handle, u64 write-to.
#include <algorithm>
#include <limits>

#include "protocols/sftp/extensions/extensions.h"
#include "protocols/sftp/operations/fields.h"

namespace ferry::sftp {

namespace {

constexpr std::size_t chunk = 256 * 1024;

struct CopyFields {
  ByteSpan from, to;
  std::uint64_t read_at = 0, count = 0, write_at = 0;
};

Result<CopyFields> parse(Request request) {
  CopyFields fields;
  fields.from = request.fields.blob();
  fields.read_at = request.fields.u64();
  fields.count = request.fields.u64();
  fields.to = request.fields.blob();
  fields.write_at = request.fields.u64();
  const Result<void> done = check_complete(request.fields);
  if (!done) return fail(done.error());
  constexpr std::uint64_t last = std::numeric_limits<std::int64_t>::max();
  if (fields.read_at > last || fields.write_at > last) return fail(ErrorCode::invalid_argument, "offset too large");
  return fields;
}

// Copies `count` bytes; the answer is how many were there to copy. aborted: the client is gone, and nobody waits
// for the rest.
Task<Result<std::uint64_t>> copy(Connection& connection, Handle& from, Handle& to, CopyFields fields,
                                 std::uint64_t count) {
  std::uint64_t copied = 0;
  while (copied < count) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(chunk, count - copied));
    const MutableByteSpan buffer = connection.scratch_for(wanted);
    const Result<std::size_t> got = co_await from.file->read_at(fields.read_at + copied, buffer);
    if (!got) co_return fail(got.error());
    if (*got == 0) break;
    const iovec piece[]{{buffer.data(), *got}};
    const Result<void> written = co_await to.file->write_at(fields.write_at + copied, piece);
    if (!written) co_return fail(written.error());
    copied += *got;
    if (copied == count) break;
    const bool there = co_await connection.channel.wait_output(1);
    if (!there) co_return fail(ErrorCode::aborted, "the client is gone");
  }
  co_return copied;
}

}  // namespace

Task<Answer> copy_data(Connection& connection, Request request) {
  const Result<CopyFields> fields = parse(request);
  if (!fields) co_return fail(fields.error());
  Handle* from = connection.handles.find_file(fields->from);
  Handle* to = connection.handles.find_file(fields->to);
  if (!from || !to) co_return invalid_handle(request.id);
  if (!from->readable || !to->writable) co_return fail(ErrorCode::permission_denied, "not opened for this");
  // "The server MUST fail if the ranges overlap in one file."
  if (from == to || from->path == to->path) co_return fail(ErrorCode::invalid_argument, "a file onto itself");

  // A bound known beforehand: a file that grows by the copying itself (by another of its names) must not copy for
  // ever.
  const Result<vfs::FileInfo> info = co_await from->file->info();
  if (!info) co_return fail(info.error());
  const std::uint64_t there = info->size > fields->read_at ? info->size - fields->read_at : 0;
  const std::uint64_t count = fields->count == 0 ? there : std::min(fields->count, there);
  const Result<std::uint64_t> copied = co_await copy(connection, *from, *to, *fields, count);
  if (!copied) co_return fail(copied.error());
  co_return status_reply(request.id, *copied < fields->count ? Status::eof : Status::ok);
}

}  // namespace ferry::sftp
