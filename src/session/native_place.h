// The real place of a path on this machine, for programs that work on files themselves (git, rsync). The kernel checks
// what such a program does, and knows nothing of the account's permissions. So an account gets a native place only
// where it may do nearly everything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/descriptor.h"
#include "base/virtual_path.h"

namespace ferry::session {

// Rights that a program does not need always; each holds for the whole place or not at all.
struct NativeRights {
  bool links = true;  // make symbolic and hard ones
  bool chmod = true, chown = true, chtimes = true;
  bool xattrs = true;               // set extended attributes: not as root, for whom they hold capabilities
  bool attributes_ignored = false;  // setstat_mode: modes, owners and times are not set, and nobody is told
};

struct NativePlace {
  VirtualPath virtual_path;  // what was asked for
  Descriptor home;           // the account's home directory: where the program works
  std::string path;          // the same from there: "./a/b", "./" for the home itself
  Descriptor touched;  // itself if it is a directory, else the nearest directory above it: where the program may work
  VirtualPath tree;    // `touched` in the account's terms, without symlinks
  bool exists = false;
  bool is_directory = false;
  NativeRights rights;
  std::optional<std::uint32_t> uid, gid;  // who the account is to the system; only when Ferry may become them
};

}  // namespace ferry::session
