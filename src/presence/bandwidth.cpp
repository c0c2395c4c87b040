#include "presence/bandwidth.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>

#include "base/ip_network.h"

namespace ferry::presence {

namespace {

constexpr std::int64_t kb = 1024;
constexpr std::chrono::seconds most_made_up{1};
constexpr std::chrono::milliseconds longest_nap{200};

struct SpeedLimits {
  std::size_t rule = 0;  // which of them
  std::int64_t upload = 0, download = 0;
};

SpeedLimits limits_of(const model::User& user, const std::string& client_ip) {
  const Result<IpAddress> address = IpAddress::parse(client_ip);
  std::size_t rule = 0;
  for (const model::BandwidthLimit& limit : user.filters.bandwidth_limits) {
    ++rule;
    if (address && any_contains(limit.sources, *address))
      return {rule, limit.upload_bandwidth, limit.download_bandwidth};
  }
  return {0, user.upload_bandwidth, user.download_bandwidth};
}

}  // namespace

Pace::Clock::time_point Pace::book(std::uint64_t count, bool first, Clock::time_point now) {
  const auto cost =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(static_cast<double>(count) / rate_));
  const std::lock_guard lock(mutex_);
  paid_until_ = std::max(paid_until_, first ? now : now - most_made_up) + cost;
  return paid_until_;
}

Task<bool> Pace::wait(std::shared_ptr<Pace> pace, std::uint64_t count, bool first, std::function<bool()> gone) {
  const Clock::time_point until = pace->book(count, first, Clock::now());
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (Clock::time_point now = Clock::now(); now < until; now = Clock::now()) {
    if (gone && gone()) co_return false;
    timer.expires_at(std::min(until, now + longest_nap));
    co_await timer.async_wait(asio::use_awaitable);
  }
  co_return true;
}

std::shared_ptr<Pace> Bandwidth::pace(const std::string& key, std::int64_t kb_per_second) {
  if (kb_per_second <= 0) return nullptr;
  const std::lock_guard lock(mutex_);
  std::weak_ptr<Pace>& known = paces_[key];
  std::shared_ptr<Pace> pace = known.lock();
  if (pace) return pace;
  pace = std::make_shared<Pace>(kb_per_second * kb);
  known = pace;
  std::erase_if(paces_, [](const auto& row) { return row.second.expired(); });
  return pace;
}

Paces Bandwidth::of(const model::User& user, const std::string& client_ip) {
  const SpeedLimits limits = limits_of(user, client_ip);
  if (limits.upload <= 0 && limits.download <= 0) return {};
  // Another limit is another pace: who was connected before keeps the old one.
  const auto key = [&](char direction, std::int64_t limit) {
    return user.username + '\0' + direction + std::to_string(limits.rule) + '/' + std::to_string(limit);
  };
  return {pace(key('u', limits.upload), limits.upload), pace(key('d', limits.download), limits.download)};
}

}  // namespace ferry::presence
