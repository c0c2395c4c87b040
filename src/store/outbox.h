// The outbox: stored notifications that are to be delivered to a hook. One that could not be delivered until it expired
// is a dead letter, and stays until an administrator replays or discards it.
//
// Every call may block, is safe from any thread, and is done completely or not at all. Errors: io_error, internal.
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
  std::int64_t id = 0;       // set by the store; later ones have larger ids
  std::string hook = {};     // "fs_actions", "provider_actions"; notifications of one hook are delivered in order
  std::string action = {};   // shown to administrators: "upload", "add"
  std::string payload = {};  // the event, see events/message.h
  std::int64_t created_at = 0;
  std::int64_t expires_at = 0;    // a delivery that fails after this time makes it a dead letter
  std::int64_t next_attempt = 0;  // not tried before this time; 0: at once
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
  // The notifications of a hook that are due, at most `limit`, oldest first. One whose next_attempt is later than
  // `horizon` is due as well: it must have been set before the system's clock was set back.
  virtual Result<std::vector<Notification>> due(std::string_view hook, std::int64_t now, std::int64_t horizon,
                                                std::size_t limit) = 0;
  // Removes delivered notifications; stores attempts, next_attempt, last_error and dead of the others. Ids that do not
  // exist any more are ignored.
  virtual Result<void> settle(std::span<const std::int64_t> delivered, std::span<const Notification> others) = 0;
  // Makes dead letters of all that have expired. Answers how many.
  virtual Result<std::size_t> expire(std::string_view hook, std::int64_t now, std::string_view error) = 0;
  // If more than `most` notifications wait, the oldest become dead letters; if there are more than `most` dead letters,
  // the oldest are removed.
  struct Trimmed {
    std::size_t died = 0, dropped = 0;
  };
  virtual Result<Trimmed> trim(std::size_t most) = 0;
  virtual Result<OutboxCount> count_notifications() = 0;

  // Dead letters or waiting ones by id, from the one after `after`.
  virtual Result<std::vector<Notification>> notifications(bool dead, std::int64_t after, std::size_t limit) = 0;
  // For dead letters; `id` 0: all of them. Answers how many. replay: they wait for delivery again as if they were new.
  // not_found: there is no such dead letter.
  virtual Result<std::size_t> replay(std::int64_t id, std::int64_t expires_at) = 0;
  virtual Result<std::size_t> discard(std::int64_t id) = 0;
};

}  // namespace ferry::store
