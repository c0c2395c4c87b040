// posix-rename, hardlink, lsetstat: string path(s), for lsetstat then ATTRS. Each answers a STATUS.
#include "protocols/sftp/attributes.h"
#include "protocols/sftp/extensions/extensions.h"
#include "protocols/sftp/operations/fields.h"

namespace ferry::sftp {

Task<Answer> posix_rename(Connection& connection, Request request) {
  const auto paths = two_paths(connection, request);
  if (!paths) co_return fail(paths.error());
  const session::GivenUp given_up = client_left(connection);
  const Result<void> done = co_await connection.session.rename((*paths)[0], (*paths)[1], true, given_up);
  co_return status_answer(request.id, done);
}

Task<Answer> hard_link(Connection& connection, Request request) {
  const auto paths = two_paths(connection, request);
  if (!paths) co_return fail(paths.error());
  const Result<void> done = co_await connection.session.make_hard_link((*paths)[0], (*paths)[1]);
  co_return status_answer(request.id, done);
}

Task<Answer> set_link_attributes(Connection& connection, Request request) {
  const bool follow = means_directory(request.fields);
  const Result<VirtualPath> path = take_path(connection, request.fields);
  const vfs::AttributeChange change = read_attributes(request.fields);
  Result<void> done = check_complete(request.fields);
  if (!done) co_return fail(done.error());
  if (!path) co_return fail(path.error());
  done = co_await connection.session.set_attributes(*path, change, follow);
  co_return status_answer(request.id, done);
}

}  // namespace ferry::sftp
