// Renaming without replacing, and translating the targets of symlinks. A target on disk is always relative and stays
// inside the root, so that homes can be moved; the target shown to a client is a path of the root and never a real path
// of the host. A client's absolute target is marked by a text that the kernel ignores, ".//", and shown absolute again:
// the link /a/b to "/c/d" is stored as ".//../c/d".
#pragma once

#include <string>

#include "base/error.h"
#include "base/virtual_path.h"
#include "vfs/local/root.h"

namespace ferry::vfs::local {

// already_exists when `to` exists, also when it is created at the same moment.
Result<void> rename_exclusive(int from_directory, const std::string& from, int to_directory, const std::string& to);

// What to store for a link at `link` to `target`, which is relative or absolute in the root's terms.
// permission_denied when it would lead outside, invalid_argument when it is no path. Blocks.
Result<std::string> stored_target(const Root& root, const std::string& target, const VirtualPath& link);

// The reverse: permission_denied for a target that lies outside. Where it would block and may not, lookup.would_wait is
// set and the answer means nothing.
Result<std::string> shown_target(const Root& root, std::string stored, const VirtualPath& link, Lookup& lookup);

}  // namespace ferry::vfs::local
