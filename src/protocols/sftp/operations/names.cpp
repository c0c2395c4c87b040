// REMOVE and RENAME (section 6.5), READLINK and SYMLINK (section 6.10), REALPATH (section 6.11).
#include "protocols/sftp/operations/fields.h"
#include "protocols/sftp/operations/operations.h"

namespace ferry::sftp {

Task<Answer> remove_file(Connection& connection, Request request) {
  const Result<VirtualPath> path = only_path(connection, request);
  if (!path) co_return fail(path.error());
  const Result<void> done = co_await connection.session.remove_file(*path);
  co_return status_answer(request.id, done);
}

// "It is an error if there already exists a file with the name specified by newpath": posix-rename@openssh.com is
// the one that replaces.
Task<Answer> rename_path(Connection& connection, Request request) {
  const auto paths = two_paths(connection, request);
  if (!paths) co_return fail(paths.error());
  const Result<void> done = co_await connection.session.rename((*paths)[0], (*paths)[1], false);
  co_return status_answer(request.id, done);
}

// Answered from the text alone, so that it does for a path that does not exist yet (`put -r` asks before MKDIR).
Task<Answer> real_path(Connection& connection, Request request) {
  const Result<VirtualPath> path = only_path(connection, request);
  if (!path) co_return fail(path.error());
  co_return name_reply(request.id, path->text());
}

Task<Answer> read_link(Connection& connection, Request request) {
  const Result<VirtualPath> path = only_path(connection, request);
  if (!path) co_return fail(path.error());
  const Result<std::string> target = co_await connection.session.read_symlink(*path);
  if (!target) co_return fail(target.error());
  co_return name_reply(request.id, *target);
}

// The draft says linkpath, targetpath; OpenSSH has always sent them the other way round and every client follows it.
Task<Answer> make_link(Connection& connection, Request request) {
  const std::string target(request.fields.string());
  const Result<VirtualPath> link = take_path(connection, request.fields);
  Result<void> done = check_done(request.fields);
  if (!done) co_return fail(done.error());
  if (!link) co_return fail(link.error());
  if (target.empty() || target.size() > VirtualPath::max_length || target.find('\0') != std::string::npos) {
    co_return fail(ErrorCode::invalid_argument, "not a link target");
  }
  done = co_await connection.session.make_symlink(target, *link);
  co_return status_answer(request.id, done);
}

}  // namespace ferry::sftp
