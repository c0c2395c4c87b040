// One change at a time to a name: looking at what a name holds and taking it away must be one step for whoever counts
// it. Held across co_awaits and threads; whoever must wait looks again after a few milliseconds.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <string>
#include <utility>

#include "base/task.h"

namespace ferry::session {

class PathLocks {
 public:
  // Gives the names free when it goes.
  class Held {
   public:
    Held() = default;
    Held(PathLocks& locks, std::size_t first, std::size_t second) : locks_(&locks), first_(first), second_(second) {}
    Held(Held&& other) noexcept
        : locks_(std::exchange(other.locks_, nullptr)), first_(other.first_), second_(other.second_) {}
    Held& operator=(Held&& other) noexcept {
      release();
      locks_ = std::exchange(other.locks_, nullptr);
      first_ = other.first_;
      second_ = other.second_;
      return *this;
    }
    ~Held() { release(); }
    void release();

   private:
    PathLocks* locks_ = nullptr;
    std::size_t first_ = 0, second_ = 0;  // the same when there is one name
  };

  // The names as FileSystem::location() tells them: alike for all who share a storage.
  Task<Held> take(std::string name);
  Task<Held> take(std::string one, std::string other);

 private:
  bool try_take(std::size_t first, std::size_t second);
  void give_back(std::size_t slot) { taken_[slot].store(false, std::memory_order_release); }

  std::array<std::atomic<bool>, 4096> taken_{};  // names that share a slot wait for one another
};

}  // namespace ferry::session
