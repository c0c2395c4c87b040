// Copying and removing whole trees, step by step through a Session, so that every step has the rights it needs, on any
// storage and across storages.
#pragma once

#include <functional>

#include "session/session.h"

namespace ferry::session {

// Asked between the steps: whether nobody waits for the rest any more. Then the walk ends with `aborted`.
using GivenUp = std::function<bool()>;

// A file, a link (as a link) or a directory with all that is in it; modes are kept. Needs the right to copy in the
// directory of each end, beside what reading and writing need. already_exists: `to` is there, and is not a file that
// may be replaced (overwrite) by a file. invalid_argument: onto itself (also what seems to be the same
// file by another name) or into itself. What was copied before an error
// stays.
Task<Result<void>> copy_tree(Session& session, VirtualPath from, VirtualPath to, bool overwrite, GivenUp given_up);

// A file or a directory with all that is in it. unsupported: a virtual folder is below it. What was removed before an
// error is gone.
Task<Result<void>> remove_tree(Session& session, VirtualPath path, GivenUp given_up);

}  // namespace ferry::session
