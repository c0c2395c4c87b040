// Where atomic uploads end: from where they grew to their target, in one step for whoever looks at the target.
#pragma once

#include "base/task.h"
#include "session/held_name.h"

namespace ferry::session {

// Renames `partial` to `target`; from one file system of the machine to another by copying it beside the target first.
// On success there is no `partial` any more. overwrite as FileSystem::rename has it.
Task<Result<void>> put_in_place(HeldName partial, HeldName target, bool overwrite);

}  // namespace ferry::session
