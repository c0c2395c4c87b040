// How fast accounts may move data. One pace for an account and a direction, shared by all its connections.
//
//   std::shared_ptr<Pace> pace = bandwidth.of(user, client_ip).upload;      // null: as fast as it goes
//   const bool there = co_await pace->wait(count, first, gone);            // before (or after) `count` bytes
//
// Nobody sleeps but timers. Safe from any thread.
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

namespace ferry::session {

class Pace {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Pace(std::int64_t bytes_per_second) : rate_(static_cast<double>(bytes_per_second)) {}

  // Books `count` bytes and answers when they will have been paid. A transfer that begins (`first`) has no claim to
  // the time before; one that goes on may make up for up to a second in which it was late.
  Clock::time_point book(std::uint64_t count, bool first, Clock::time_point now);

  // Waits until they are paid, looking now and then whether the client is `gone`: then false.
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
  // Of this account from this address: the first of filters.bandwidth_limits whose networks hold it, else the
  // account's own.
  Paces of(const model::User& user, const std::string& client_ip);

 private:
  std::shared_ptr<Pace> pace(const std::string& key, std::int64_t kb_per_second);

  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<Pace>> paces_;
};

}  // namespace ferry::session
