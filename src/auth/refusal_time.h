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

  // Before the first check of a hash of its kind is answered: measures the kind with a password of its own, since what
  // clients send may be refused without any work. Takes as long as one check, once for each kind.
  void get_to_know(const std::string& stored_hash);
  // What the costliest kind among those known takes, and a little more.
  Duration least() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Duration, std::less<>> known_;  // by crypto::cost_of_hash
};

}  // namespace ferry::auth
