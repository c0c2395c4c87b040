#include "auth/refusal_time.h"

#include <algorithm>

#include "crypto/password.h"

namespace ferry::auth {

namespace {

constexpr std::size_t most_kinds = 64;
// A single hash of absurd cost must not hold everybody up.
constexpr std::chrono::seconds longest{3};

}  // namespace

void RefusalTime::get_to_know(const std::string& stored_hash) {
  const std::string_view kind = crypto::cost_of_hash(stored_hash);
  {
    const std::lock_guard lock(mutex_);
    if (known_.contains(kind) || known_.size() >= most_kinds) return;
  }
  const auto begun = std::chrono::steady_clock::now();
  const auto verified = crypto::verify_password(stored_hash, "a password of usual length");
  const auto took = std::chrono::steady_clock::now() - begun;
  if (!verified) return;  // it is no hash at all
  const std::lock_guard lock(mutex_);
  known_.emplace(kind, took);
}

RefusalTime::Duration RefusalTime::least() const {
  const std::lock_guard lock(mutex_);
  Duration slowest{0};
  for (const auto& [kind, took] : known_) slowest = std::max(slowest, took);
  return std::min<Duration>(slowest + slowest / 4, longest);
}

}  // namespace ferry::auth
