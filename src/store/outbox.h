// The outbox: notifications that have to reach a hook, kept until they have. What could not be delivered for too long
// is a dead letter: kept until somebody replays or discards it.
//
// Every call may block, is safe from any thread and happens as a whole or not at all. Errors: io_error, internal.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ferry::store {

// Times are Unix milliseconds.
struct Notification {
  std::int64_t id = 0;       // given by the store, always growing
  std::string hook = {};     // whom it is for: notifications of one hook keep their order
  std::string action = {};   // for people: "upload", "add"
  std::string payload = {};  // what is delivered
  std::int64_t created_at = 0;
  std::int64_t expires_at = 0;    // when a failed delivery was the last one
  std::int64_t next_attempt = 0;  // 0: as soon as it is its turn
  std::int64_t attempts = 0;
  std::string last_error = {};
  bool dead = false;
  bool operator==(const Notification&) const = default;
};

struct OutboxCount {
  std::size_t waiting = 0, dead = 0;
  bool operator==(const OutboxCount&) const = default;
};

class Outbox {
 public:
  virtual ~Outbox() = default;

  virtual Result<void> queue(std::span<const Notification> fresh) = 0;
  // Those of a hook that are due, `limit` at most, oldest first. A next_attempt farther ahead than `horizon` counts as
  // due: the clock was set back.
  virtual Result<std::vector<Notification>> due(std::string_view hook, std::int64_t now, std::int64_t horizon,
                                                std::size_t limit) = 0;
  // Forgets those that were delivered; of the others stores attempts, next_attempt, last_error and dead. Ids that are
  // not there any more do not matter.
  virtual Result<void> settle(std::span<const std::int64_t> delivered, std::span<const Notification> others) = 0;
  // Makes dead letters of all that have expired. Answers how many.
  virtual Result<std::size_t> expire(std::string_view hook, std::int64_t now, std::string_view error) = 0;
  // No more than `most` wait: the oldest become dead letters; no more than `most` of these are kept, the oldest go.
  struct Trimmed {
    std::size_t died = 0, dropped = 0;
  };
  virtual Result<Trimmed> trim(std::size_t most) = 0;
  virtual Result<OutboxCount> count_notifications() = 0;

  // Dead letters or waiting ones by id, from the one after `after`.
  virtual Result<std::vector<Notification>> notifications(bool dead, std::int64_t after, std::size_t limit) = 0;
  // not_found. `id` 0: all. Answers how many. A replayed one waits again, as if it were new.
  virtual Result<std::size_t> replay(std::int64_t id, std::int64_t expires_at) = 0;
  virtual Result<std::size_t> discard(std::int64_t id) = 0;
};

}  // namespace ferry::store
