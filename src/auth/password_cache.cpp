#include "auth/password_cache.h"

#include <algorithm>

#include "crypto/cipher.h"

namespace ferry::auth {

PasswordCache::PasswordCache(std::size_t capacity) : capacity_(capacity), key_(std::size_t{32}) {
  crypto::random_bytes(key_.bytes());
}

// Every part goes in with its length, so that no two triples look alike.
Bytes PasswordCache::tag_of(std::string_view account, std::string_view stored_hash, std::string_view password) const {
  ByteWriter lengths(24);
  lengths.u64(account.size()).u64(stored_hash.size()).u64(password.size());
  crypto::Hmac hmac(crypto::HashAlgorithm::sha256, key_.bytes());
  Bytes tag(hmac.size());
  hmac.compute({lengths.data(), as_bytes(account), as_bytes(stored_hash), as_bytes(password)}, tag);
  return tag;
}

bool PasswordCache::contains(std::string_view account, std::string_view stored_hash, std::string_view password) {
  const Bytes tag = tag_of(account, stored_hash, password);
  const std::scoped_lock lock(mutex_);
  const auto found = index_.find(account);
  if (found == index_.end() || !crypto::equal_in_constant_time(found->second->tag, tag)) return false;
  if (found->second->end <= Clock::now()) return false;
  entries_.splice(entries_.begin(), entries_, found->second);
  return true;
}

void PasswordCache::add(std::string_view account, std::string_view stored_hash, std::string_view password,
                        std::chrono::seconds lifetime) {
  Bytes tag = tag_of(account, stored_hash, password);
  remove(account);
  const std::scoped_lock lock(mutex_);
  if (index_.contains(account)) return;  // another thread was quicker
  entries_.push_front({std::string(account), std::move(tag), Clock::now() + std::min(lifetime, forever)});
  index_.emplace(entries_.front().account, entries_.begin());
  if (entries_.size() <= capacity_) return;
  index_.erase(entries_.back().account);
  entries_.pop_back();
}

void PasswordCache::remove(std::string_view account) {
  const std::scoped_lock lock(mutex_);
  const auto found = index_.find(account);
  if (found == index_.end()) return;
  const auto entry = found->second;
  index_.erase(found);
  entries_.erase(entry);
}

std::size_t PasswordCache::size() {
  const std::scoped_lock lock(mutex_);
  return entries_.size();
}

}  // namespace ferry::auth
