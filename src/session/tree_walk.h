// What goes through whole trees: how many names it asks a directory for at a time, and the removal of a tree by calls
// of a Session, so that the permissions for each file are checked.
#pragma once

#include "session/session.h"

namespace ferry::session {

inline constexpr std::size_t listing_batch = 256;
// Where a batch of each level of the tree is held at the same time.
inline constexpr std::size_t listing_batch_of_a_level = 64;

// Removes a file, or a directory with all that is in it. unsupported: a virtual folder is mounted below it. After an
// error part of the tree is removed.
Task<Result<void>> remove_tree(Session& session, VirtualPath path, GivenUp given_up);

}  // namespace ferry::session
