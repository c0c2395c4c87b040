// Locks for names of files. Reading the size of a file and removing it must not be interrupted: otherwise two clients
// that remove the same file of 100 bytes would both subtract 100 from the quota. A lock is held across co_await and
// threads; who waits for a name waits for nobody but its holders, in the order of asking, and is woken when it is his.
// (An upload of 5 TB to an object store holds its name for the 30 s which its completion takes.)
#pragma once

#include <memory>
#include <string>

#include "base/task.h"

namespace ferry::quota {

class PathLocks {
  struct State;

 public:
  // Holds one or two names; destroying it releases them. May outlive the PathLocks.
  class Held {
   public:
    Held() = default;
    Held(Held&& other) noexcept = default;
    Held& operator=(Held&& other) noexcept;
    ~Held() { release(); }
    void release();

   private:
    friend class PathLocks;
    std::shared_ptr<State> state_;  // empty: holds nothing
    std::string first_, second_;    // second_ is empty when one name is held
  };

  PathLocks();

  // Names: as FileSystem::location() answers them, which are equal for all accounts that share a storage. Not empty.
  // Waits without a limit; a coroutine that is cancelled or destroyed while it waits leaves the queue.
  Task<Held> take(std::string name);
  // Both are taken in one order whoever asks, so that two renames a -> b and b -> a cannot wait for each other. Equal
  // names are taken once.
  Task<Held> take(std::string one, std::string other);

  std::size_t held() const;  // how many names are taken

 private:
  class Place;
  static Task<void> take_one(std::shared_ptr<State> state, std::string name);

  std::shared_ptr<State> state_;
};

}  // namespace ferry::quota
