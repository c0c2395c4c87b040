#include "auth/refusal_time.h"

#include <algorithm>

#include "crypto/password.h"

namespace ferry::auth {

namespace {

constexpr std::size_t most_kinds = 64;
// A single hash of absurd cost must not hold everybody up.
constexpr std::chrono::seconds longest{3};

}  // namespace

void RefusalTime::checked(std::string_view stored_hash, Duration took) {
  const std::string_view kind = crypto::cost_of_hash(stored_hash);
  const std::lock_guard lock(mutex_);
  const auto known = quickest_.find(kind);
  if (known != quickest_.end()) {
    known->second = std::min(known->second, took);
  } else if (quickest_.size() < most_kinds) {
    quickest_.emplace(kind, took);
  }
}

RefusalTime::Duration RefusalTime::least() const {
  const std::lock_guard lock(mutex_);
  Duration slowest{0};
  for (const auto& [kind, took] : quickest_) slowest = std::max(slowest, took);
  return std::min<Duration>(slowest, longest);
}

}  // namespace ferry::auth
