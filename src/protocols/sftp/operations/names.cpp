// REMOVE and RENAME (section 6.5), READLINK and SYMLINK (section 6.10), REALPATH (section 6.11).
#include <algorithm>
#include <array>

#include "protocols/sftp/operations/fields.h"
#include "protocols/sftp/operations/operations.h"

namespace ferry::sftp {

namespace {

// The draft says linkpath, targetpath; OpenSSH has always sent them the other way round and nearly every client
// follows it. These swap them for OpenSSH's server alone and send the draft's order to us.
constexpr std::array<std::string_view, 3> clients_of_the_draft{"SSH-2.0-AsyncSSH_", "SSH-2.0-libssh_",
                                                               "SSH-2.0-WinSCP_"};

bool links_as_the_draft(const Connection& connection) {
  const std::string& client = connection.session.connection().client_version;
  return std::ranges::any_of(clients_of_the_draft, [&](std::string_view known) { return client.starts_with(known); });
}

}  // namespace

Task<Answer> remove_file(Connection& connection, Request request) {
  const Result<VirtualPath> path = only_path(connection, request);
  if (!path) co_return fail(path.error());
  const Result<void> done = co_await connection.session.remove_file(*path);
  co_return status_answer(request.id, done);
}

// "It is an error if there already exists a file with the name specified by newpath": so it is with rename_replaces
// off. But SFTPGo replaces files and links, and most client libraries' rename() is this request: programs that move a
// new file over the old one rely on it. A directory is never replaced; posix-rename@openssh.com does that.
Task<Answer> rename_path(Connection& connection, Request request) {
  const auto paths = two_paths(connection, request);
  if (!paths) co_return fail(paths.error());
  bool overwrite = connection.options.rename_replaces;
  if (overwrite) {
    const Result<vfs::FileInfo> there = co_await connection.session.lstat((*paths)[1]);
    overwrite = !there || there->type != vfs::FileType::directory;
  }
  const session::GivenUp given_up = client_left(connection);
  const Result<void> done = co_await connection.session.rename((*paths)[0], (*paths)[1], overwrite, given_up);
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

Task<Answer> make_link(Connection& connection, Request request) {
  std::string_view target = request.fields.string();
  std::string_view link = request.fields.string();
  Result<void> done = check_complete(request.fields);
  if (!done) co_return fail(done.error());
  if (links_as_the_draft(connection)) std::swap(target, link);
  const Result<VirtualPath> path = VirtualPath::parse(link, connection.session.start_directory());
  if (!path) co_return fail(path.error());
  if (target.empty() || target.size() > VirtualPath::max_length || target.find('\0') != std::string_view::npos) {
    co_return fail(ErrorCode::invalid_argument, "not a link target");
  }
  const std::string stored(target);
  done = co_await connection.session.make_symlink(stored, *path);
  co_return status_answer(request.id, done);
}

}  // namespace ferry::sftp
