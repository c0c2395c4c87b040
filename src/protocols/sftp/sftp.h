// The SFTP subsystem: protocol version 3 (draft-ietf-secsh-filexfer-02) and OpenSSH's extensions.
//
//   co_await sftp::serve(channel, session, {.max_handles = 256});
//
// Requests are answered one by one in the order they came. What is hot is READ and WRITE: a READ's data is
// read straight into outgoing packets, a WRITE's is written straight from the receive buffer, and neither
// suspends when the storage answers at once.
#pragma once

#include <string>

#include "base/task.h"
#include "session/session.h"
#include "ssh/channel/channel.h"

namespace ferry::sftp {

struct Options {
  std::size_t max_handles = 256;     // open at once in one session
  bool read_only = false;            // refuse every operation that changes something
  bool rename_replaces = true;       // RENAME replaces a file or link that is there; else that is a failure
  VirtualPath folder_prefix = {};    // what the account's paths begin with for the client; the root: with nothing
  std::string product_version = {};  // what "vendor-id" tells of this server
};

// Serves one channel until the client ends it or breaks the protocol, then sends the exit status: 0 when the
// client ended it between two requests, else 1. Files still open then are abandoned: only CLOSE completes one.
// The channel's window must be larger than the largest request (257 KiB), or a large WRITE never arrives.
Task<void> serve(ssh::Channel& channel, session::Session& session, Options options);

}  // namespace ferry::sftp
