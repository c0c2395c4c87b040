// Remembers passwords that were right, so that the next login does not cost a slow hash (bcrypt of cost 10 takes some
// 50 ms). No password is kept, only an HMAC of account, stored hash and password under a random key of this process.
// After a change of the password the stored hash is another one, so that the old entry matches no more. For credentials
// that a hook accepted, callers pass whatever else the answer depends on as the "hash". Bounded. Safe from any thread.
#pragma once

#include <chrono>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/bytes.h"
#include "crypto/secret.h"

namespace ferry::auth {

class PasswordCache {
 public:
  explicit PasswordCache(std::size_t capacity = 1024);

  // `account` tells users from administrators: "user:name", "admin:name".
  bool contains(std::string_view account, std::string_view stored_hash, std::string_view password);
  // Valid for `lifetime`, which setting the system's clock does not change.
  void add(std::string_view account, std::string_view stored_hash, std::string_view password,
           std::chrono::seconds lifetime = forever);
  void remove(std::string_view account);
  std::size_t size();

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds forever{std::chrono::years(1)};
  struct Entry {
    std::string account;
    Bytes tag;
    Clock::time_point end;
  };
  Bytes tag_of(std::string_view account, std::string_view stored_hash, std::string_view password) const;

  const std::size_t capacity_;
  crypto::Secret key_;
  std::mutex mutex_;
  std::list<Entry> entries_;                                                // most recently used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> index_;  // views into entries_
};

}  // namespace ferry::auth
