// Where a path of an account lies on this machine, for a program that works on files itself (git, rsync). Such a
// program goes by the system's rights, not by the account's, so there is none unless the account may do nearly
// everything there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/descriptor.h"
#include "base/virtual_path.h"

namespace ferry::session {

// What the account may have a program do in all of a place, beyond what every program needs.
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
