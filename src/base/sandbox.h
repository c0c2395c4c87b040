// What a program that Ferry starts may touch, enforced by the kernel: files by Landlock (Linux 5.13), the rest by a
// filter of system calls (base/syscall_filter.h) and, for root, by giving up what root may beyond files.
//
//   auto sandbox = Sandbox::make({.programs = {"/usr/bin/git"}, .readable = {"/usr/lib"}, .writable = {directory}});
//
// Inside it the program runs the files named in `programs` and nothing else, no shell and nothing that lies below
// `readable` or `writable`; it reads what is below `readable`, and reads, changes, makes and removes files below
// `writable`. Nothing else is even readable, whatever links or names the program is given. No socket, no device, no
// signal out of the sandbox, and no way out of its process group: killing the group ends everything it has started.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/syscall_filter.h"

namespace ferry {

struct SandboxRules {
  // Files; the loader that an ELF program names comes with it. Directories: everything below may be run, for tests.
  std::vector<std::string> programs;
  std::vector<std::string> readable;  // those that do not exist are passed over
  std::vector<int> writable;          // descriptors of files or directories
  // Whether its processes have to signal one another. Below Linux 6.12 none may be sent without it; with it, to this
  // process and to groups none may be sent.
  bool signals = false;
  int landlock_at_most = 1000;  // version of Landlock to behave by, for tests of what older kernels get
};

class Sandbox {
 public:
  // Whether this kernel has Landlock.
  static bool supported();
  // unsupported: it has not, or a program is a script. not_found: one of the programs does not exist. May block.
  static Result<Sandbox> make(const SandboxRules& rules);

  // Confines the calling process and all it starts, for ever. Nothing but system calls: for use between fork and
  // exec. False: errno says why.
  bool enter() const;

 private:
  Sandbox(Descriptor rules, SyscallFilter calls) : rules_(std::move(rules)), calls_(std::move(calls)) {}
  Descriptor rules_;
  SyscallFilter calls_;
};

}  // namespace ferry
