// The outbox of the memory engine. Private to src/store/memory.
#pragma once

#include <map>
#include <mutex>

#include "store/outbox.h"

namespace ferry::store::memory {

class Notifications {
 public:
  Result<void> queue(std::span<const Notification> fresh);
  Result<std::vector<Notification>> due(std::string_view hook, std::int64_t now, std::int64_t horizon,
                                        std::size_t limit);
  Result<void> settle(std::span<const std::int64_t> delivered, std::span<const Notification> others);
  Result<std::size_t> expire(std::string_view hook, std::int64_t now, std::string_view error);
  Result<Outbox::Trimmed> trim(std::size_t most);
  Result<OutboxCount> count();
  Result<std::vector<Notification>> list(bool dead, std::int64_t after, std::size_t limit);
  Result<std::size_t> replay(std::int64_t id, std::int64_t expires_at);
  Result<std::size_t> discard(std::int64_t id);

 private:
  using Queue = std::map<std::int64_t, Notification>;
  void kill(Queue::iterator at, std::string_view error);

  std::mutex mutex_;
  std::int64_t last_id_ = 0;
  Queue waiting_, dead_;  // by id
};

}  // namespace ferry::store::memory
