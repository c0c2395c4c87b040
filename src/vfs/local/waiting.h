// Decides on which thread a system call runs. The event loop must never wait for a device, but handing a call to the
// blocking pool costs more than most calls, so:
//
//   kind of storage        looking (open, stat)                       changing (create, rename, write, ...)
//   memory (tmpfs)         here                                       here
//   disk                   here if the path is cached, else the pool  the pool
//   remote (NFS, FUSE)     the pool                                   the pool
//
// "Here" is the event loop. Freeing the pages of a large file takes long even on tmpfs (0.1 s for 1 GB): such work goes
// to the pool too, see frees_much(). Reading and writing file data has rules of its own, see local/file.h.
//
// What runs here may be one of many steps that a client asked for in one request. Before each step other connections of
// the thread get their turn when it is due (base/turn.h).
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "base/task.h"
#include "base/turn.h"

namespace ferry::vfs::local {

enum class Storage : std::uint8_t { memory, disk, remote };

// Limits of one attempt, and what came of it.
struct Lookup {
  bool cached_only = false;  // in: resolve the path only as far as that needs no device (RESOLVE_CACHED)
  bool brief_only = false;   // in: do nothing that takes long
  bool would_wait = false;   // out: the attempt gave up for one of these reasons and changed nothing
  bool left_root = false;    // out: the path met an absolute link, or one that leads outside
};

// For `work(Lookup&)` that changes nothing. Runs it on the event loop where that is allowed; when it sets
// lookup.would_wait its answer is dropped and it runs again on the pool.
template <class Work>
Task<std::invoke_result_t<Work&, Lookup&>> look(Storage storage, Work work) {
  if (storage != Storage::remote) {
    if (turn_is_over()) co_await give_way();
    Lookup lookup;
    lookup.cached_only = storage == Storage::disk;
    auto answer = work(lookup);
    if (!lookup.would_wait) co_return std::move(answer);
  }
  auto waiting = [&work] {
    Lookup lookup;
    return work(lookup);
  };
  auto answer = co_await run_blocking(Lane::disk, waiting);
  co_return std::move(answer);
}

// For `work(Lookup&)` that changes something or has to wait for the device. On memory-backed storage it runs on the
// event loop first; when it sets lookup.would_wait, which it must do before it changes anything, it runs again on the
// pool.
template <class Work>
Task<std::invoke_result_t<Work&, Lookup&>> change(Storage storage, Work work) {
  auto waiting = [&work] {
    Lookup lookup;
    return work(lookup);
  };
  if (storage == Storage::memory) {
    if (turn_is_over()) co_await give_way();
    Lookup lookup;
    lookup.brief_only = true;
    auto answer = work(lookup);
    if (!lookup.would_wait) co_return std::move(answer);
  }
  auto answer = co_await run_blocking(Lane::disk, waiting);
  co_return std::move(answer);
}

}  // namespace ferry::vfs::local
