// The SFTP subsystem: protocol version 3 (draft-ietf-secsh-filexfer-02) and OpenSSH's extensions.
#pragma once

#include "base/task.h"
#include "session/session.h"
#include "ssh/channel/channel.h"

namespace ferry::sftp {

struct Options {
  std::size_t max_handles = 256;  // open at once in one session
};

// Serves one channel until the client ends it or breaks the protocol. Every handle is closed or abandoned
// when it returns.
Task<void> serve(ssh::Channel& channel, session::Session& session, Options options);

}  // namespace ferry::sftp
