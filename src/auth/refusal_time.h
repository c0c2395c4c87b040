// How long refusing a password must take at least, for every account. Imported hashes cost more or less than Ferry's
// own: if an account has a hash of 500 ms and unknown names are refused after 50 ms, the time tells a client that the
// account exists.
//
//   RefusalTime::Try attempt(times);          // when the request comes
//   attempt.started();                        // when a thread begins to check it
//   ... refused: answer when attempt.due() is past, asking it again after each wait
//
// Checks that run at the same time slow one another down, the more the costlier their hashes are. So each refusal waits
// as if all of them had been for the costliest hash and had shared the processors. Logins that succeed do not wait.
// Safe from any thread.
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
  using Clock = std::chrono::steady_clock;
  using Duration = Clock::duration;

  // One try of a password, from when it came to its answer.
  class Try {
   public:
    // `times` outlives it.
    explicit Try(RefusalTime& times);
    ~Try();
    Try(const Try&) = delete;
    Try& operator=(const Try&) = delete;
    void started() { started_ = Clock::now(); }
    // When a refusal may be answered. Later than it was when others have come meanwhile.
    Clock::time_point due();

   private:
    RefusalTime& times_;
    const Clock::time_point came_ = Clock::now();
    Clock::time_point started_ = came_;
    double load_ = 1;  // the highest it has seen
  };

  // `processors`: how many tries do not slow one another down.
  explicit RefusalTime(unsigned processors);

  // Measures how long checking such a hash takes, with a made-up password; for each kind and cost once. Call it before
  // the first refusal of an account with a hash of that kind is answered.
  void get_to_know(const std::string& stored_hash);
  // What a check took: more than the kind's own time, when the machine is busy.
  void took(std::string_view stored_hash, Duration time);
  // The time of the slowest kind measured so far, plus a margin.
  Duration least() const;

 private:
  struct Times {
    Duration least{0};
    double load = 1;      // of tries on their way, in units of what the processors do at once
    double slowdown = 1;  // by other work
  };
  Times now() const;
  Duration least_locked() const;

  const double processors_;
  mutable std::mutex mutex_;
  std::mutex measuring_;  // one kind at a time, and by one: else they would slow one another down
  std::map<std::string, Duration, std::less<>> known_;  // by crypto::cost_of_hash
  double threads_ = 1;                                  // of one check of the costliest kind
  double slowdown_ = 1;
  std::size_t on_their_way_ = 0;
};

}  // namespace ferry::auth
