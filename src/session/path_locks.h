// Locks for names of files. Reading the size of a file and removing it must not be interrupted: otherwise two clients
// that remove the same file of 100 bytes would both subtract 100 from the quota. A lock is held across co_await and
// threads. Who has to wait tries again every few milliseconds.
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
  // Holds one or two names; destroying it releases them.
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
    std::size_t first_ = 0, second_ = 0;  // slots; equal when one name is held
  };

  // Names: as FileSystem::location() answers them, which are equal for all accounts that share a storage.
  Task<Held> take(std::string name);
  Task<Held> take(std::string one, std::string other);

 private:
  bool try_take(std::size_t first, std::size_t second);
  void give_back(std::size_t slot) { taken_[slot].store(false, std::memory_order_release); }

  std::array<std::atomic<bool>, 4096> taken_{};  // names that share a slot wait for one another
};

}  // namespace ferry::session
