// A channel and a child process, joined: what the client sends is the child's input, what the child writes goes back.
#pragma once

#include <optional>

#include "base/child.h"
#include "session/session.h"
#include "ssh/channel/channel.h"

namespace ferry::sshcmd {

struct Relayed {
  int status = 0;                // the child's
  std::optional<Error> refused;  // it was ended because the flow refused to go on: why
};

// Returns when the child has ended and all it wrote is sent. The child is ended when the channel closes, and when
// `flow`, which is asked about each piece and watches what the child stores, refuses to go on: it is asked to, so that
// it removes what is not finished, and killed if it has not two seconds later.
Task<Relayed> relay(ssh::Channel& channel, Child& child, session::DataFlow& flow);

}  // namespace ferry::sshcmd
