// The one rule for where a system call runs. The event loop must never wait for a device, and a hop to the
// blocking pool costs more than most calls, so:
//
//   kind of storage        looking (open, stat)                       changing (create, rename, write, ...)
//   memory (tmpfs)         here                                       here
//   disk                   here if the path is cached, else the pool  the pool
//   remote (NFS, FUSE)     the pool                                   the pool
//
// Giving back the pages of a large file takes memory-backed storage long too (0.1 s a GB): work that is about to does
// that on the pool, see frees_much().
//
// File data has its own twist, see local/file.h.
//
// What runs here may be one of many steps that a client asked for in one request. Before each, others of the thread get
// their turn when it is due (base/turn.h).
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "base/task.h"
#include "base/turn.h"

namespace ferry::vfs::local {

enum class Storage : std::uint8_t { memory, disk, remote };

// How a path is resolved. With cached_only the kernel gives up instead of waiting (RESOLVE_CACHED) and
// would_wait tells that it did; the same with brief_only for work that would take long. left_root: the path met an
// absolute link or one that leads outside.
struct Lookup {
  bool cached_only = false;
  bool brief_only = false;
  bool would_wait = false;
  bool left_root = false;
};

// `work(Lookup&)` only looks; it is run again on the pool when it would have waited.
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
  auto answer = co_await run_blocking(waiting);
  co_return std::move(answer);
}

// `work(Lookup&)` changes something, or waits for the device for another reason. It is run again on the pool when it
// said, before it changed anything, that it would take long.
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
  auto answer = co_await run_blocking(waiting);
  co_return std::move(answer);
}

}  // namespace ferry::vfs::local
