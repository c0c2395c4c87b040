// What one SFTP channel's operations work with.
#pragma once

#include <vector>

#include "protocols/sftp/handles.h"
#include "protocols/sftp/reader.h"
#include "protocols/sftp/reply.h"
#include "protocols/sftp/sftp.h"

namespace ferry::sftp {

struct Connection {
  Connection(ssh::Channel& on, session::Session& of, const Options& with)
      : channel(on), session(of), options(with), reader(on), replies(on), handles(with.max_handles) {}

  ssh::Channel& channel;
  session::Session& session;
  Options options;
  RequestReader reader;
  Replies replies;
  Handles handles;

  // Reused from request to request so that the hot ones do not allocate; none carries anything over.
  std::vector<iovec> pieces;
  std::vector<std::uint32_t> ids;
  Bytes gathered;
  // Data that could not go straight from storage to packets or back. Given back when a file is closed.
  Bytes scratch;

  // Room for `count` bytes in scratch.
  MutableByteSpan scratch_for(std::size_t count) {
    if (scratch.size() < count) scratch.resize(count);
    return MutableByteSpan(scratch).first(count);
  }
};

// Opens a handle and answers HANDLE. Needs room (may_open).
Bytes handle_reply(Connection& connection, std::uint32_t id, Handle handle);
// limit_exceeded: the session has as many files and directories open as it may.
Result<void> may_open(const Connection& connection);

}  // namespace ferry::sftp
