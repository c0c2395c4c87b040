// LSTAT, STAT, FSTAT, SETSTAT and FSETSTAT (sections 6.8 and 6.9). A directory's handle stands for its path.
#include "protocols/sftp/attributes.h"
#include "protocols/sftp/operations/fields.h"
#include "protocols/sftp/operations/operations.h"

namespace ferry::sftp {

namespace {

Answer attributes_answer(std::uint32_t id, const Result<vfs::FileInfo>& info) {
  if (!info) return fail(info.error());
  ReplyWriter reply(Packet::attrs, id);
  write_attributes(reply.fields(), *info);
  return reply.finish();
}

}  // namespace

Task<Answer> stat_path(Connection& connection, Request request) {
  const Result<VirtualPath> path = only_path(connection, request);
  if (!path) co_return fail(path.error());
  const Result<vfs::FileInfo> info = co_await connection.session.stat(*path);
  co_return attributes_answer(request.id, info);
}

Task<Answer> lstat_path(Connection& connection, Request request) {
  const Result<VirtualPath> path = only_path(connection, request);
  if (!path) co_return fail(path.error());
  Result<vfs::FileInfo> info;
  if (means_directory(request.fields)) {
    info = co_await connection.session.stat(*path);
  } else {
    info = co_await connection.session.lstat(*path);
  }
  co_return attributes_answer(request.id, info);
}

Task<Answer> stat_handle(Connection& connection, Request request) {
  const ByteSpan name = request.fields.blob();
  const Result<void> done = check_complete(request.fields);
  if (!done) co_return fail(done.error());
  Handle* handle = connection.handles.find(name);
  if (!handle) co_return invalid_handle(request.id);
  Result<vfs::FileInfo> info;
  if (handle->file) {
    info = co_await handle->file->info();
  } else {
    info = co_await connection.session.stat(handle->path);
  }
  co_return attributes_answer(request.id, info);
}

Task<Answer> set_path_attributes(Connection& connection, Request request) {
  const Result<VirtualPath> path = take_path(connection, request.fields);
  const vfs::AttributeChange change = read_attributes(request.fields);
  Result<void> done = check_complete(request.fields);
  if (!done) co_return fail(done.error());
  if (!path) co_return fail(path.error());
  done = co_await connection.session.set_attributes(*path, change, true);
  co_return status_answer(request.id, done);
}

Task<Answer> set_handle_attributes(Connection& connection, Request request) {
  const ByteSpan name = request.fields.blob();
  const vfs::AttributeChange change = read_attributes(request.fields);
  Result<void> done = check_complete(request.fields);
  if (!done) co_return fail(done.error());
  Handle* handle = connection.handles.find(name);
  if (!handle) co_return invalid_handle(request.id);
  if (handle->file) {
    done = co_await handle->file->set_attributes(change);
  } else {
    done = co_await connection.session.set_attributes(handle->path, change, true);
  }
  co_return status_answer(request.id, done);
}

}  // namespace ferry::sftp
