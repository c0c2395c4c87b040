// What of the file system a program that Ferry starts may touch, enforced by the kernel (Landlock, Linux 5.13).
//
//   auto sandbox = Sandbox::make({.programs = {"/usr"}, .readable = {"/etc/passwd"}, .writable = {directory}});
//
// Inside it the program reads and runs what lies below `programs`, reads what is `readable`, and reads, changes, makes
// and removes files below `writable`. Devices cannot be made, nothing below `writable` can be run, and nothing else
// is even readable, whatever links or names the program is given. TCP is closed where the kernel can close it.
#pragma once

#include <string>
#include <vector>

#include "base/descriptor.h"
#include "base/error.h"

namespace ferry {

struct SandboxRules {
  std::vector<std::string> programs;  // those that do not exist are passed over, here and below
  std::vector<std::string> readable;
  std::vector<int> writable;  // descriptors of files or directories
};

class Sandbox {
 public:
  // Whether this kernel has it.
  static bool supported();
  // unsupported: it has not. May block.
  static Result<Sandbox> make(const SandboxRules& rules);

  // Confines the calling process and all it starts, for ever. Nothing but system calls: for use between fork and
  // exec. False: errno says why.
  bool enter() const;

 private:
  explicit Sandbox(Descriptor rules) : rules_(std::move(rules)) {}
  Descriptor rules_;
};

}  // namespace ferry
