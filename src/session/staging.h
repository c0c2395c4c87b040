// Moves the complete partial file of an atomic upload to its target. Others see the old target or the new one.
#pragma once

#include "base/task.h"
#include "session/held_name.h"

namespace ferry::session {

// Renames `partial` to `target`. When temp_path is on another file system, copies it beside the target first and
// renames the copy. On success `partial` is gone. overwrite: as in FileSystem::rename.
Task<Result<void>> put_in_place(HeldName partial, HeldName target, bool overwrite);

}  // namespace ferry::session
