#include "store/memory/notifications.h"

#include <iterator>

#include "store/store_fields.h"

namespace ferry::store::memory {

Result<void> Notifications::queue(std::span<const Notification> fresh) {
  const std::scoped_lock lock(mutex_);
  for (Notification one : fresh) {
    one.id = ++last_id_;
    waiting_.emplace(one.id, std::move(one));
  }
  return {};
}

Result<std::vector<Notification>> Notifications::due(std::string_view hook, std::int64_t now, std::int64_t horizon,
                                                     std::size_t limit) {
  const std::scoped_lock lock(mutex_);
  std::vector<Notification> list;
  for (const auto& [id, one] : waiting_) {
    if (list.size() == limit) break;
    if (one.hook == hook && (one.next_attempt <= now || one.next_attempt > horizon)) list.push_back(one);
  }
  return list;
}

void Notifications::kill(Queue::iterator at, std::string_view error) {
  auto node = waiting_.extract(at);
  node.mapped().dead = true;
  if (node.mapped().last_error.empty()) node.mapped().last_error = error;
  dead_.insert(std::move(node));
}

Result<void> Notifications::settle(std::span<const std::int64_t> delivered, std::span<const Notification> others) {
  const std::scoped_lock lock(mutex_);
  for (const std::int64_t id : delivered) waiting_.erase(id);
  for (const Notification& changed : others) {
    const auto at = waiting_.find(changed.id);
    if (at == waiting_.end()) continue;
    at->second.attempts = changed.attempts;
    at->second.next_attempt = changed.next_attempt;
    at->second.last_error = changed.last_error;
    if (changed.dead) kill(at, {});
  }
  return {};
}

Result<std::size_t> Notifications::expire(std::string_view hook, std::int64_t now, std::string_view error) {
  const std::scoped_lock lock(mutex_);
  std::size_t count = 0;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    const auto here = at++;
    if (here->second.hook != hook || here->second.expires_at > now) continue;
    kill(here, error);
    ++count;
  }
  return count;
}

Result<Outbox::Trimmed> Notifications::trim(std::size_t most) {
  const std::scoped_lock lock(mutex_);
  Outbox::Trimmed trimmed;
  for (; waiting_.size() > most; ++trimmed.died) kill(waiting_.begin(), "the queue is full");
  for (; dead_.size() > most; ++trimmed.dropped) dead_.erase(dead_.begin());
  return trimmed;
}

Result<OutboxCount> Notifications::count() {
  const std::scoped_lock lock(mutex_);
  return OutboxCount{.waiting = waiting_.size(), .dead = dead_.size()};
}

Result<std::vector<Notification>> Notifications::list(bool dead, std::int64_t after, std::size_t limit) {
  const std::scoped_lock lock(mutex_);
  const Queue& queue = dead ? dead_ : waiting_;
  std::vector<Notification> list;
  for (auto at = queue.upper_bound(after); at != queue.end() && list.size() < limit; ++at) list.push_back(at->second);
  return list;
}

Result<std::size_t> Notifications::replay(std::int64_t id, std::int64_t expires_at) {
  const std::scoped_lock lock(mutex_);
  const auto revive = [&](Queue::iterator at) {
    auto node = dead_.extract(at);
    Notification& one = node.mapped();
    one.dead = false;
    one.attempts = one.next_attempt = 0;
    one.expires_at = expires_at;
    one.last_error.clear();
    waiting_.insert(std::move(node));
  };
  if (id != 0) {
    const auto at = dead_.find(id);
    if (at == dead_.end()) return fail_missing("dead letter", std::to_string(id));
    revive(at);
    return 1;
  }
  const std::size_t count = dead_.size();
  while (!dead_.empty()) revive(dead_.begin());
  return count;
}

Result<std::size_t> Notifications::discard(std::int64_t id) {
  const std::scoped_lock lock(mutex_);
  if (id != 0) {
    if (dead_.erase(id) == 0) return fail_missing("dead letter", std::to_string(id));
    return 1;
  }
  const std::size_t count = dead_.size();
  dead_.clear();
  return count;
}

}  // namespace ferry::store::memory
