// How many files and directories clients may have open: one account, and all accounts together. Each costs the process
// descriptors, and without these limits one account with many sessions could take all that there are: then nobody
// could log in any more, and no database or log file could be opened.
//
//   auto budget = std::make_shared<OpenBudget>(OpenBudget::Limits{.each = 1000, .all = 10000});
//   auto share = budget->share_of("alice");     // of all sessions of the account
//   auto taken = share->take(1, OpenBudget::Use::file);
//   if (!taken) ...                             // limit_exceeded
//
// Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/error.h"

namespace ferry::presence {

class OpenBudget : public std::enable_shared_from_this<OpenBudget> {
 public:
  struct Limits {
    std::size_t each = 0;  // 0: no limit
    std::size_t all = 0;   // 0: no limit
  };
  enum class Use : std::uint8_t {
    file,     // a file or directory that a client opens
    storage,  // the root of a storage, as long as a session lives: the limit for all accounts keeps nobody from a login
  };

  class Share;

  // What was taken, given back when it is destroyed. Empty by default.
  class Taken {
   public:
    Taken() = default;
    Taken(std::shared_ptr<Share> share, std::size_t count) : share_(std::move(share)), count_(count) {}
    Taken(Taken&& other) noexcept : share_(std::move(other.share_)), count_(std::exchange(other.count_, 0)) {}
    Taken& operator=(Taken&& other) noexcept;
    ~Taken() { give_back(); }

   private:
    void give_back();
    std::shared_ptr<Share> share_;
    std::size_t count_ = 0;
  };

  class Share : public std::enable_shared_from_this<Share> {
   public:
    Share(std::shared_ptr<OpenBudget> budget, std::string username)
        : budget_(std::move(budget)), username_(std::move(username)) {}
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share();

    // limit_exceeded, with which limit it was in the message.
    Result<Taken> take(std::size_t count, Use use);

   private:
    friend class Taken;
    std::shared_ptr<OpenBudget> budget_;
    std::string username_;
    std::atomic<std::size_t> open_{0};
  };

  explicit OpenBudget(Limits limits) : limits_(limits) {}

  // The one of the account; made when no session of it has one.
  std::shared_ptr<Share> share_of(const std::string& username);
  std::size_t open() const { return open_.load(std::memory_order_relaxed); }

 private:
  const Limits limits_;
  std::atomic<std::size_t> open_{0};
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<Share>> shares_;
};

}  // namespace ferry::presence
