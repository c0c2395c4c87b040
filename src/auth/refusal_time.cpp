#include "auth/refusal_time.h"

#include <algorithm>
#include <charconv>

#include "crypto/password.h"

namespace ferry::auth {

namespace {

using Seconds = std::chrono::duration<double>;

constexpr std::size_t most_kinds = 64;
// A single hash of absurd cost must not hold everybody up, nor must a crowd.
constexpr std::chrono::seconds longest{3}, longest_in_a_crowd{15};
// Quicker checks tell nothing about how busy the machine is.
constexpr std::chrono::milliseconds telling{5};
constexpr double most_slowdown = 8;

// How many threads one check keeps busy: "p=4" of argon2id's parameters.
double threads_of(std::string_view kind) {
  const std::size_t at = kind.find("p=");
  unsigned threads = 1;
  if (at != std::string_view::npos) std::from_chars(kind.data() + at + 2, kind.data() + kind.size(), threads);
  return std::max(threads, 1U);
}

RefusalTime::Duration scaled(RefusalTime::Duration time, double by) {
  const Seconds seconds = std::min<Seconds>(Seconds(time) * by, longest_in_a_crowd);
  return std::chrono::duration_cast<RefusalTime::Duration>(seconds);
}

}  // namespace

RefusalTime::Try::Try(RefusalTime& times) : times_(times) {
  const std::lock_guard lock(times_.mutex_);
  ++times_.on_their_way_;
}

RefusalTime::Try::~Try() {
  const std::lock_guard lock(times_.mutex_);
  --times_.on_their_way_;
}

RefusalTime::Clock::time_point RefusalTime::Try::due() {
  const Times times = times_.now();
  load_ = std::max(load_, times.load);
  // In a crowd the last is done when the work of all is; a thread that was long in coming has still all to do.
  return std::max(came_ + scaled(times.least, load_), started_ + scaled(times.least, times.slowdown));
}

RefusalTime::RefusalTime(unsigned processors) : processors_(std::max(processors, 1U)) {}

void RefusalTime::get_to_know(const std::string& stored_hash) {
  const std::string_view kind = crypto::cost_of_hash(stored_hash);
  const auto is_known = [&] {
    const std::lock_guard lock(mutex_);
    return known_.contains(kind) || known_.size() >= most_kinds;
  };
  if (is_known()) return;
  const std::lock_guard one_at_a_time(measuring_);
  if (is_known()) return;
  const auto begun = Clock::now();
  const auto verified = crypto::verify_password(stored_hash, "a password of usual length");
  const auto took = Clock::now() - begun;
  if (!verified) return;  // it is no hash at all
  const std::lock_guard lock(mutex_);
  const auto costlier = [took](const auto& one) { return one.second > took; };
  if (std::ranges::none_of(known_, costlier)) threads_ = std::min(threads_of(kind), processors_);
  known_.emplace(kind, took);
}

void RefusalTime::took(std::string_view stored_hash, Duration time) {
  const std::string_view kind = crypto::cost_of_hash(stored_hash);
  const std::lock_guard lock(mutex_);
  const auto alone = known_.find(kind);
  if (alone == known_.end() || alone->second < telling) return;
  const double slower = std::clamp(Seconds(time) / Seconds(alone->second), 1.0, most_slowdown);
  slowdown_ = slower > slowdown_ ? slower : (3 * slowdown_ + slower) / 4;
}

RefusalTime::Duration RefusalTime::least_locked() const {
  Duration slowest{0};
  for (const auto& [kind, took] : known_) slowest = std::max(slowest, took);
  return std::min<Duration>(slowest + slowest / 4, longest);
}

RefusalTime::Duration RefusalTime::least() const {
  const std::lock_guard lock(mutex_);
  return least_locked();
}

RefusalTime::Times RefusalTime::now() const {
  const std::lock_guard lock(mutex_);
  const double load = static_cast<double>(on_their_way_) * threads_ / processors_;
  return {least_locked(), std::max(load, 1.0), slowdown_};
}

}  // namespace ferry::auth
