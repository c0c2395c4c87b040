#include "vfs/object/retry.h"

#include <algorithm>
#include <random>

namespace ferry::vfs::object {

namespace {

using namespace std::chrono_literals;

constexpr int most_tries = 10;
constexpr std::chrono::milliseconds first_pause = 100ms, longest_pause = 10s;
constexpr std::chrono::minutes longest_work{3};

}  // namespace

bool is_passing(ErrorCode code) {
  switch (code) {
    case ErrorCode::limit_exceeded:
    case ErrorCode::timeout:
    case ErrorCode::connection_lost:
    case ErrorCode::io_error: return true;
    default: return false;
  }
}

std::optional<std::chrono::milliseconds> Retries::after(const Error& error) {
  if (!is_passing(error.code) || tries_ == most_tries) return std::nullopt;
  thread_local std::minstd_rand dice{std::random_device{}()};
  const auto most = std::min(first_pause * (1 << tries_), longest_pause);
  std::chrono::milliseconds pause(std::uniform_int_distribution<std::int64_t>(0, most.count())(dice));
  if (error.code == ErrorCode::limit_exceeded) pause = std::max(pause, store_.retry_after());
  const auto now = std::chrono::steady_clock::now();
  if (!failing_since_) failing_since_ = now;
  if (now + pause > *failing_since_ + longest_work) return std::nullopt;
  ++tries_;
  return pause;
}

}  // namespace ferry::vfs::object
