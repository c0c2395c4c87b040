// sftpgo-copy <from> <to> and sftpgo-remove <path>, on any storage.
#include "protocols/sshcmd/commands.h"
#include "session/tree_walk.h"

namespace ferry::sshcmd {

namespace {

constexpr int failed_status = 1, usage_status = 2;

session::GivenUp client_left(ssh::Channel& channel) {
  return [&channel] { return channel.closed(); };
}

}  // namespace

Task<int> copy(Invocation call) {
  if (call.words.size() != 3) {
    co_await call.complain("expected a source and a destination");
    co_return usage_status;
  }
  const Result<VirtualPath> from = call.path(call.words[1]), to = call.path(call.words[2]);
  Result<void> done = fail(ErrorCode::invalid_argument);
  const session::GivenUp given_up = client_left(call.channel);
  if (from && to) done = co_await call.session.copy(*from, *to, true, given_up);
  if (done) co_return 0;
  co_await call.complain(call.words[1], done.error());
  co_return failed_status;
}

Task<int> remove(Invocation call) {
  if (call.words.size() != 2) {
    co_await call.complain("expected one path");
    co_return usage_status;
  }
  const Result<VirtualPath> path = call.path(call.words[1]);
  Result<void> done = fail(ErrorCode::invalid_argument);
  const session::GivenUp given_up = client_left(call.channel);
  if (path) done = co_await session::remove_tree(call.session, *path, given_up);
  if (done) co_return 0;
  co_await call.complain(call.words[1], done.error());
  co_return failed_status;
}

}  // namespace ferry::sshcmd
