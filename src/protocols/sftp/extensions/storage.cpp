// statvfs and space-available (string path), fstatvfs (string handle), fsync (string handle), limits (no fields).
#include "protocols/sftp/extensions/extensions.h"
#include "protocols/sftp/operations/fields.h"

namespace ferry::sftp {

namespace {

// f_flag bits of the extension.
constexpr std::uint64_t flag_read_only = 1;

Answer space_answer(std::uint32_t id, const Result<vfs::SpaceInfo>& space) {
  if (!space) return fail(space.error());
  ReplyWriter reply(Packet::extended_reply, id, 128);
  reply.fields().u64(space->block_size).u64(space->fragment_size);
  reply.fields().u64(space->blocks).u64(space->blocks_free).u64(space->blocks_available);
  reply.fields().u64(space->files).u64(space->files_free).u64(space->files_available);
  reply.fields().u64(space->filesystem_id).u64(space->read_only ? flag_read_only : 0).u64(space->name_max);
  return reply.finish();
}

}  // namespace

Task<Answer> statvfs(Connection& connection, Request request) {
  const Result<VirtualPath> path = only_path(connection, request);
  if (!path) co_return fail(path.error());
  const Result<vfs::SpaceInfo> space = co_await connection.session.space(*path);
  co_return space_answer(request.id, space);
}

Task<Answer> statvfs_handle(Connection& connection, Request request) {
  const ByteSpan name = request.fields.blob();
  const Result<void> done = check_complete(request.fields);
  if (!done) co_return fail(done.error());
  Handle* handle = connection.handles.find(name);
  if (!handle) co_return invalid_handle(request.id);
  Result<vfs::SpaceInfo> space;
  if (handle->file) {
    space = co_await handle->file->space();
  } else {
    space = co_await connection.session.space(handle->path);
  }
  co_return space_answer(request.id, space);
}

// u64 bytes on the device, unused; for the user, unused; u32 an allocation unit. 0 stands for "not known".
Task<Answer> space_available(Connection& connection, Request request) {
  const Result<VirtualPath> path = only_path(connection, request);
  if (!path) co_return fail(path.error());
  const Result<vfs::SpaceInfo> space = co_await connection.session.space(*path);
  if (!space) co_return fail(space.error());
  const std::uint64_t unit = space->fragment_size;
  ReplyWriter reply(Packet::extended_reply, request.id);
  reply.fields().u64(space->blocks * unit).u64(space->blocks_free * unit);
  reply.fields().u64(0).u64(space->blocks_available * unit).u32(static_cast<std::uint32_t>(unit));
  co_return reply.finish();
}

Task<Answer> sync_file(Connection& connection, Request request) {
  const ByteSpan name = request.fields.blob();
  Result<void> done = check_complete(request.fields);
  if (!done) co_return fail(done.error());
  Handle* handle = connection.handles.find_file(name);
  if (!handle) co_return invalid_handle(request.id);
  done = co_await handle->file->sync();
  co_return status_answer(request.id, done);
}

Task<Answer> limits(Connection& connection, Request request) {
  const Result<void> done = check_complete(request.fields);
  if (!done) co_return fail(done.error());
  ReplyWriter reply(Packet::extended_reply, request.id);
  reply.fields().u64(max_packet).u64(max_transfer).u64(max_transfer).u64(connection.options.max_handles);
  co_return reply.finish();
}

}  // namespace ferry::sftp
