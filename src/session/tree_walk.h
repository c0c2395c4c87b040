// Removes a whole tree by calls of a Session, so that the permissions for each file are checked.
#pragma once

#include "session/session.h"

namespace ferry::session {

// Removes a file, or a directory with all that is in it. unsupported: a virtual folder is mounted below it. After an
// error part of the tree is removed.
Task<Result<void>> remove_tree(Session& session, VirtualPath path, GivenUp given_up);

}  // namespace ferry::session
