// Bandwidth limits. There is one Pace for each account and direction, shared by all its connections: an account with 1
// MB/s that downloads over two connections gets 0.5 MB/s on each.
//
//   std::shared_ptr<Pace> pace = bandwidth.of(user, client_ip).upload;      // null: as fast as it goes
//   const bool there = co_await pace->wait(count, first, gone);            // before (or after) `count` bytes
//
// Waiting is done with timers; no thread sleeps. Safe from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/task.h"
#include "model/user.h"

namespace ferry::presence {

class Pace {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Pace(std::int64_t bytes_per_second) : rate_(static_cast<double>(bytes_per_second)) {}

  // Books `count` bytes and answers the time at which they may go on: 50,000 bytes at 100,000 bytes/s are 0.5 s after
  // the bytes booked before. A transfer that was slower than its limit for a while may catch up, by one second's worth
  // at most; one that begins (`first`) has nothing to catch up.
  Clock::time_point book(std::uint64_t count, bool first, Clock::time_point now);

  // Books and waits until that time. False: the client has left meanwhile (`gone` is asked now and then).
  static Task<bool> wait(std::shared_ptr<Pace> pace, std::uint64_t count, bool first, std::function<bool()> gone);

 private:
  const double rate_;
  std::mutex mutex_;
  Clock::time_point paid_until_{};
};

struct Paces {
  std::shared_ptr<Pace> upload, download;  // null: no limit
};

class Bandwidth {
 public:
  // The limits of this account for a client at this address: those of the first entry in filters.bandwidth_limits whose
  // networks contain it, else the account's own.
  Paces of(const model::User& user, const std::string& client_ip);

 private:
  std::shared_ptr<Pace> pace(const std::string& key, std::int64_t kb_per_second);

  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<Pace>> paces_;
};

}  // namespace ferry::presence
