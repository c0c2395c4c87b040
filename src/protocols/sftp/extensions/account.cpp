// expand-path (string path), home-directory (string user name), users-groups-by-id (string of u32 uids, string of
// u32 gids). The only account a client can ask about is its own.
#include "model/user.h"
#include "protocols/sftp/extensions/extensions.h"
#include "protocols/sftp/operations/fields.h"

namespace ferry::sftp {

namespace {

// One name for each id, empty where the id is not the account's. 0 stands for "not set" in an account. False: the
// reply would be larger than a packet may be.
bool put_names(ReplyWriter& reply, ByteSpan ids, std::int64_t known, std::string_view name) {
  ByteWriter names;
  for (; ids.size() >= 4; ids = ids.subspan(4)) {
    const bool own = known != 0 && load_u32(ids.data()) == known;
    names.string(own ? name : std::string_view());
    if (reply.size() + 4 + names.size() > max_packet) return false;
  }
  reply.fields().string(names.data());
  return true;
}

}  // namespace

// "~" and "~/x" start at the account's start directory, as does everything relative.
Task<Answer> expand_path(Connection& connection, Request request) {
  std::string_view text = request.fields.string();
  const Result<void> done = check_complete(request.fields);
  if (!done) co_return fail(done.error());
  if (text.starts_with('~')) {
    const std::string_view user = text.substr(1, text.find('/') - 1);
    if (!user.empty() && user != connection.session.user().username)
      co_return fail(ErrorCode::not_found, "no such user");
    text = text.substr(std::min(text.size(), 1 + user.size() + 1));
  }
  const Result<VirtualPath> path = VirtualPath::parse(text, connection.session.start_directory());
  if (!path) co_return fail(path.error());
  co_return name_reply(request.id, path->text());
}

Task<Answer> home_directory(Connection& connection, Request request) {
  const std::string_view user = request.fields.string();
  const Result<void> done = check_complete(request.fields);
  if (!done) co_return fail(done.error());
  if (!user.empty() && user != connection.session.user().username) co_return fail(ErrorCode::not_found, "no such user");
  co_return name_reply(request.id, connection.session.start_directory().text());
}

Task<Answer> users_groups_by_id(Connection& connection, Request request) {
  const ByteSpan uids = request.fields.blob();
  const ByteSpan gids = request.fields.blob();
  const Result<void> done = check_complete(request.fields);
  if (!done) co_return fail(done.error());
  if (uids.size() % 4 != 0 || gids.size() % 4 != 0) co_return fail(ErrorCode::protocol_error, "odd list of ids");
  const model::User& user = connection.session.user();
  ReplyWriter reply(Packet::extended_reply, request.id);
  if (!put_names(reply, uids, user.uid, user.username) || !put_names(reply, gids, user.gid, user.username)) {
    co_return fail(ErrorCode::limit_exceeded, "too many ids");
  }
  co_return reply.finish();
}

}  // namespace ferry::sftp
