// A channel and a child process, joined: what the client sends is the child's input, what the child writes goes back.
#pragma once

#include <functional>
#include <optional>

#include "base/child.h"
#include "session/session.h"
#include "ssh/channel/channel.h"

namespace ferry::sshcmd {

struct Relayed {
  int status = 0;                // the child's
  std::optional<Error> refused;  // it was ended because the flow refused to go on: why
};

// Tells the client why its program is ended. Awaited before the program is asked to end: its own last words make
// clients leave (rsync), who would not read this any more.
using TellWhy = std::function<Task<void>(Error why)>;

// Returns when the child has ended and all it wrote is sent; what it wrote to its errors before its output goes before
// it. The child is ended when the channel closes, and when `flow`, which is asked about each piece and watches what the
// child stores, refuses to go on: it is asked to, so that it removes what is not finished, and killed if it has not two
// seconds later.
Task<Relayed> relay(ssh::Channel& channel, Child& child, session::DataFlow& flow, TellWhy tell);

}  // namespace ferry::sshcmd
