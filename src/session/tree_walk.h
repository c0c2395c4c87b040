// Removing a whole tree, step by step through a Session, so that every step has the rights it needs.
#pragma once

#include "session/session.h"

namespace ferry::session {

// A file or a directory with all that is in it. unsupported: a virtual folder is below it. What was removed before an
// error is gone.
Task<Result<void>> remove_tree(Session& session, VirtualPath path, GivenUp given_up);

}  // namespace ferry::session
