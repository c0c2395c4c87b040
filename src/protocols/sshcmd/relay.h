// A channel and a child process, joined: what the client sends is the child's input, what the child writes goes back.
#pragma once

#include <cstdint>
#include <limits>

#include "base/child.h"
#include "ssh/channel/channel.h"

namespace ferry::sshcmd {

struct Relayed {
  int status = 0;               // the child's
  bool over_allowance = false;  // it was killed because the client sent more than it may
  std::uint64_t received = 0;   // bytes from the client
};

// Returns when the child has ended and all it wrote is sent. The child is killed when the channel closes, and when
// the client sends more than `allowance` bytes.
Task<Relayed> relay(ssh::Channel& channel, Child& child, std::uint64_t allowance);

}  // namespace ferry::sshcmd
