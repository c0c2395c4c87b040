// How long it takes at least to refuse a password, whichever account it was for. Stored hashes that were imported cost
// more or less than our own: without this the time would tell which accounts exist. Safe from any thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace ferry::auth {

class RefusalTime {
 public:
  using Duration = std::chrono::steady_clock::duration;

  // That password was checked against this stored hash.
  void checked(std::string_view stored_hash, Duration took);
  // What the costliest kind of hash among those seen takes, when nothing else runs.
  Duration least() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Duration, std::less<>> quickest_;  // by crypto::cost_of_hash
};

}  // namespace ferry::auth
