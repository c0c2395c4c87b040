// Passwords that verified, so that the next login need not pay for the slow hash again. Keeps no password: only an
// HMAC of account, stored hash and password under a key that lives and ends with the process. An entry is good for
// the stored hash it was made with, so a changed password ends it by itself; where a hook has accepted the credential,
// what else it depends on stands for the hash. Bounded. Safe from any thread.
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
  // Good for `lifetime`, whatever becomes of the clock on the wall.
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
