// System calls that a confined program may not make (seccomp): what leads out of it past Landlock, which knows files
// and, on newer kernels, some of the network and of signals.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace ferry {

struct SyscallRules {
  enum class Signals : std::uint8_t {
    scoped,  // Landlock sees to it that none leaves the sandbox
    none,    // none may be sent at all
    some,    // to single processes, but none to `guarded`
  } signals = Signals::none;
  pid_t guarded = 0;
};

using SyscallFilter = std::vector<sock_filter>;

// Denied, with EPERM: sockets other than a connected pair of streams, leaving the process group (so that killing the
// group ends everything that was started), namespaces and mounts, looking into or changing other processes, shared
// memory that stays behind, running a file that has no name (memfd), and what administers the machine. Calls for
// another kind of processor (32 bits) end the process.
SyscallFilter make_syscall_filter(const SyscallRules& rules);

// For the calling process and all it starts, for ever. Needs PR_SET_NO_NEW_PRIVS; nothing but a system call. False:
// errno says why.
bool enter_syscall_filter(const SyscallFilter& filter);

// Gives up what root may do beyond working on files (Linux capabilities): signals to anybody, devices, the network, the
// machine's administration. No effect for others. Nothing but system calls. False: errno says why.
bool drop_capabilities();

}  // namespace ferry
