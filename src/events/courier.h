// Takes notifications from the outbox to their hooks: one at a time for each hook, in order, at least once.
//
// A hook that cannot be reached or does not answer in time makes all its notifications wait, in order, for pauses that
// grow. One that answers no makes that notification wait alone. Whatever is older than its time when it fails is a dead
// letter. Between a delivery and the moment that is stored the server may die: then it is delivered again.
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
// Must end by itself.
using Deliver = std::function<Task<DeliveryOutcome>(store::Notification)>;

struct CourierOptions {
  std::vector<std::string> hooks = {};          // each has a lane of its own
  std::chrono::milliseconds first_pause{1000};  // doubled with each failure, and blurred by a quarter
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
  // Something new is in the outbox, or waits again. A hook that has just failed keeps its pause unless `at_once`. From
  // any thread.
  void wake(bool at_once = false);
  // Stores what was delivered; what is on its way will be delivered again.
  void stop();

 private:
  struct Lane;
  Task<void> run(std::shared_ptr<Lane> lane);
  // One batch. False: it is better to wait.
  Task<bool> round(std::shared_ptr<Lane> lane);
  Task<DeliveryOutcome> attempt(store::Notification one);
  void note(Lane& lane, store::Notification one, DeliveryOutcome outcome);
  void give_up_expired(const Lane& lane, const std::string& why);
  // What was delivered and is not stored as such would be delivered once more. False: it cannot be stored.
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
