// Takes notifications from the outbox to their hooks: one at a time for each hook, in order, at least once.
//
// When a hook cannot be reached or does not answer in time, all its notifications wait: 1 s, 2 s, 4 s, ... up to 5
// minutes. When it answers with an error (a status that is not 0, or not 200), only that notification waits. A
// notification that fails and is older than common.actions.retry_for (a day by default) becomes a dead letter. If the
// server dies after a delivery and before that is stored, the notification is delivered again at the next start.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/task.h"
#include "store/outbox.h"

namespace ferry::events {

enum class Delivery : std::uint8_t { done, refused, unreachable };
struct DeliveryOutcome {
  Delivery delivery = Delivery::done;
  std::string error = {};
};
// Delivers one notification. Must return in bounded time: the courier sets it no limit.
using Deliver = std::function<Task<DeliveryOutcome>(store::Notification)>;

struct CourierOptions {
  std::vector<std::string> hooks = {};  // each is delivered to independently of the others
  std::chrono::milliseconds first_pause{
      1000};  // doubled with each failure; each pause is varied at random by a quarter
  std::chrono::milliseconds longest_pause = std::chrono::minutes(5);
};

class Courier {
 public:
  // The outbox must live until stop().
  Courier(store::Outbox& outbox, CourierOptions options, Deliver deliver);
  Courier(const Courier&) = delete;
  Courier& operator=(const Courier&) = delete;
  ~Courier();

  void start();
  // Call it when a notification was added to the outbox. A hook that has just failed still waits for the end of its
  // pause, unless `at_once`. From any thread.
  void wake(bool at_once = false);
  // Stores which notifications were delivered, and ends. One whose delivery is cut off here is delivered again at the
  // next start.
  void stop();

 private:
  struct Lane;
  Task<void> run(std::shared_ptr<Lane> lane);
  // Delivers one batch. False: pause before the next one.
  Task<bool> round(std::shared_ptr<Lane> lane);
  Task<DeliveryOutcome> attempt(store::Notification one);
  void note(Lane& lane, store::Notification one, DeliveryOutcome outcome);
  void give_up_expired(const Lane& lane, const std::string& why);
  // Removes delivered notifications from the outbox. False: the provider failed; they must not be delivered once more,
  // so the lane waits until they are stored.
  bool store_outcomes(Lane& lane);
  std::chrono::milliseconds pause(std::int64_t failures) const;
  std::chrono::milliseconds wait_of(const Lane& lane) const;

  store::Outbox& outbox_;
  const CourierOptions options_;
  const Deliver deliver_;
  asio::io_context context_{1};
  std::vector<std::shared_ptr<Lane>> lanes_;
  std::thread thread_;
};

}  // namespace ferry::events
