// Fairness among the coroutines of one event loop. Storage that memory answers never makes a coroutine wait, so a loop
// over it (a copy on the server, the removal of a large tree, digests of many blocks) would keep every other
// connection of its thread from being served until it ends. Whoever may go on for long asks between two steps:
//
//   if (turn_is_over()) co_await give_way();
//
// Storage does so before every operation that it does on the calling thread; see vfs/local/waiting.h.
#pragma once

#include "base/task.h"

namespace ferry {

// Whether this thread has not given way for 5 ms. Also true for the first step after an idle time, which then costs one
// round of the event loop: at most 200 a second.
bool turn_is_over();

// Lets everything else that is ready on the coroutine's executor run first.
Task<void> give_way();

}  // namespace ferry
