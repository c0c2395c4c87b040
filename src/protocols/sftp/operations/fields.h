// Fields that several operations share. protocol_error (BAD_MESSAGE): the request ends before its last field. What
// stands behind the last field is passed over: OpenSSH's server does so, and clients have come to rely on it (one
// sends its whole buffer behind a short WRITE).
#pragma once

#include <array>

#include "protocols/sftp/requests.h"

namespace ferry::sftp {

inline Result<void> check_complete(const ByteReader& fields) {
  if (!fields.ok()) return fail(ErrorCode::protocol_error, "malformed request");
  return {};
}

// The next field as a path; a relative one starts at the account's start directory.
Result<VirtualPath> take_path(const Connection& connection, ByteReader& fields);
// Whether the next field is a path that ends in "/" or "/.": as POSIX has it, such a one means the directory that a
// link leads to, not the link. OpenSSH's client sends LSTAT of "link/" for `ls link/`.
bool means_directory(ByteReader fields);
// A request that is one path, or two.
Result<VirtualPath> only_path(const Connection& connection, Request request);
Result<std::array<VirtualPath, 2>> two_paths(const Connection& connection, Request request);

// Nobody waits for the answer any more.
inline session::GivenUp client_left(Connection& connection) {
  return [&channel = connection.channel] { return channel.closed(); };
}

// The STATUS of a call that answers nothing else.
inline Answer status_answer(std::uint32_t id, const Result<void>& done) {
  if (!done) return fail(done.error());
  return status_reply(id, Status::ok);
}

// Why a file or directory was not opened. What a person can mend by closing some of them says so.
inline Answer not_opened(std::uint32_t id, const Error& error) {
  if (error.code != ErrorCode::limit_exceeded) return fail(error);
  return status_reply(id, Status::failure, "Too many open files");
}

}  // namespace ferry::sftp
