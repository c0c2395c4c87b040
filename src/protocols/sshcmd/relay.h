// A channel and a child process, joined: what the client sends is the child's input, what the child writes goes back.
#pragma once

#include <optional>

#include "base/child.h"
#include "session/session.h"
#include "ssh/channel/channel.h"

namespace ferry::sshcmd {

struct Relayed {
  int status = 0;                // the child's
  std::optional<Error> refused;  // it was killed because the flow refused to go on: why
};

// Returns when the child has ended and all it wrote is sent. The child is killed when the channel closes, and when
// `flow`, which is asked about each piece, refuses one.
Task<Relayed> relay(ssh::Channel& channel, Child& child, session::DataFlow& flow);

}  // namespace ferry::sshcmd
