// OPEN (section 6.3) and CLOSE.
#include "protocols/sftp/attributes.h"
#include "protocols/sftp/operations/fields.h"
#include "protocols/sftp/operations/operations.h"

namespace ferry::sftp {

namespace {

// Whatever may create or cut a file asks for writing, so that no combination of flags changes a file under
// the permission to read it.
vfs::OpenOptions open_options(std::uint32_t flags, const vfs::AttributeChange& attributes) {
  vfs::OpenOptions options;
  options.write = (flags & (open_write | open_append | open_create | open_truncate)) != 0;
  options.read = (flags & open_read) != 0 || !options.write;
  options.append = (flags & open_append) != 0;
  options.create = (flags & open_create) != 0;
  options.exclusive = options.create && (flags & open_exclusive) != 0;
  options.truncate = (flags & open_truncate) != 0;
  if (attributes.mode) options.mode = *attributes.mode;
  return options;
}

}  // namespace

Task<Answer> open_file(Connection& connection, Request request) {
  const Result<VirtualPath> path = take_path(connection, request.fields);
  const std::uint32_t flags = request.fields.u32();
  const vfs::OpenOptions options = open_options(flags, read_attributes(request.fields));
  const Result<void> done = check_complete(request.fields);
  if (!done) co_return fail(done.error());
  if (!path) co_return fail(path.error());
  if (options.write && connection.options.read_only) co_return fail(ErrorCode::permission_denied, "read only");
  const Result<void> room = may_open(connection);
  if (!room) co_return not_opened(request.id, room.error());

  Result<std::unique_ptr<session::OpenFile>> file = co_await connection.session.open(*path, options);
  if (!file) co_return not_opened(request.id, file.error());
  Handle handle;
  handle.path = *path;
  handle.file = std::move(*file);
  handle.readable = options.read;
  handle.writable = options.write;
  co_return handle_reply(connection, request.id, std::move(handle));
}

// The handle is gone whatever close() says: there is nothing a client could do with it any more.
Task<Answer> close_handle(Connection& connection, Request request) {
  const ByteSpan name = request.fields.blob();
  const Result<void> done = check_complete(request.fields);
  if (!done) co_return fail(done.error());
  std::optional<Handle> handle = connection.handles.remove(name);
  if (!handle) co_return invalid_handle(request.id);
  if (!handle->file) co_return status_reply(request.id, Status::ok);
  connection.scratch = Bytes();
  const Result<void> closed = co_await handle->file->close();
  co_return status_answer(request.id, closed);
}

}  // namespace ferry::sftp
