// copy-file (draft-ietf-secsh-filexfer-extensions-00 section 6): string source, string destination, bool overwrite.
#include "protocols/sftp/extensions/extensions.h"
#include "protocols/sftp/operations/fields.h"

namespace ferry::sftp {

Task<Answer> copy_file(Connection& connection, Request request) {
  const Result<VirtualPath> from = take_path(connection, request.fields);
  const Result<VirtualPath> to = take_path(connection, request.fields);
  const bool overwrite = request.fields.boolean();
  Result<void> done = check_complete(request.fields);
  if (!done) co_return fail(done.error());
  if (!from) co_return fail(from.error());
  if (!to) co_return fail(to.error());
  const Result<vfs::FileInfo> info = co_await connection.session.stat(*from);
  if (!info) co_return fail(info.error());
  if (info->type != vfs::FileType::regular) co_return fail(ErrorCode::is_a_directory, "not a file");
  const session::GivenUp given_up = client_left(connection);
  done = co_await connection.session.copy(*from, *to, overwrite, given_up);
  co_return status_answer(request.id, done);
}

}  // namespace ferry::sftp
