#include "events/courier.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <span>

#include "base/log.h"
#include "crypto/secret.h"
#include "store/provider.h"

namespace ferry::events {

namespace {

constexpr std::string_view courier_sender = "events";
constexpr std::size_t batch_size = 64;
constexpr auto store_interval = std::chrono::milliseconds(500);       // outcomes are stored at least this often
constexpr std::chrono::milliseconds idle = std::chrono::seconds(30);  // the outbox is read at least this often

using Clock = std::chrono::steady_clock;

}  // namespace

struct Courier::Lane {
  Lane(std::string name, asio::io_context& context) : hook(std::move(name)), timer(context) {}

  const std::string hook;
  asio::steady_timer timer;
  bool woken = false;
  bool more = false;                        // the outbox had more than one batch
  std::int64_t failures = 0;                // rounds that failed since the last good one
  std::int64_t next_attempt = 0;            // when the first refused notification is to be tried again; 0: none waits
  std::int64_t last_attempt = 0;            // when the last of those is
  std::vector<std::int64_t> delivered;      // ids, not yet stored as delivered
  std::vector<store::Notification> others;  // failed ones, not yet stored
  Clock::time_point stored;                 // when outcomes were stored last
};

Courier::Courier(store::Outbox& outbox, CourierOptions options, Deliver deliver)
    : outbox_(outbox), options_(std::move(options)), deliver_(std::move(deliver)) {
  for (const std::string& hook : options_.hooks) lanes_.push_back(std::make_shared<Lane>(hook, context_));
}

Courier::~Courier() { stop(); }

void Courier::start() {
  for (const auto& lane : lanes_) asio::co_spawn(context_, run(lane), asio::detached);
  thread_ = std::thread([this] {
    while (true) {
      try {
        context_.run();
        return;
      } catch (const std::exception& error) {
        log::error(courier_sender, "", "unexpected exception: {}", error.what());
      }
    }
  });
}

void Courier::stop() {
  context_.stop();
  if (!thread_.joinable()) return;
  thread_.join();
  for (const auto& lane : lanes_) store_outcomes(*lane);
}

void Courier::wake(bool at_once) {
  asio::post(context_, [this, at_once] {
    for (const auto& lane : lanes_) {
      lane->woken = true;
      if (at_once) lane->failures = 0;
      if (lane->failures == 0) lane->timer.cancel();
    }
  });
}

std::chrono::milliseconds Courier::pause(std::int64_t failures) const {
  const auto doublings = std::clamp<std::int64_t>(failures - 1, 0, 30);
  const std::int64_t whole =
      std::min<std::int64_t>(options_.longest_pause.count(), options_.first_pause.count() << doublings);
  // Varied at random, so that many servers do not ask a hook that comes back at the same moment.
  std::uint16_t random = 0;
  crypto::random_bytes(std::as_writable_bytes(std::span(&random, 1)));
  return std::chrono::milliseconds(whole * 3 / 4 + (whole / 2) * random / 65536);
}

std::chrono::milliseconds Courier::wait_of(const Lane& lane) const {
  if (lane.failures > 0) return pause(lane.failures);
  if (lane.next_attempt == 0) return idle;
  return std::clamp(std::chrono::milliseconds(lane.next_attempt - store::now_ms()), std::chrono::milliseconds(1), idle);
}

Task<void> Courier::run(std::shared_ptr<Lane> lane) {
  while (true) {
    lane->woken = false;
    const bool well = co_await round(lane);
    lane->failures = well ? 0 : lane->failures + 1;
    if (well && (lane->more || lane->woken)) continue;
    lane->timer.expires_after(wait_of(*lane));
    boost::system::error_code woken;
    co_await lane->timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
}

Task<bool> Courier::round(std::shared_ptr<Lane> lane) {
  lane->more = false;
  if (!store_outcomes(*lane)) co_return false;
  const std::int64_t now = store::now_ms();
  // Further refused notifications may be due after the one that next_attempt was for.
  if (lane->next_attempt <= now) {
    const std::int64_t soon = std::min(now + options_.first_pause.count(), lane->last_attempt);
    lane->next_attempt = soon > now ? soon : 0;
  }
  auto batch = outbox_.due(lane->hook, now, now + 2 * options_.longest_pause.count(), batch_size);
  if (!batch) {
    log::warn(courier_sender, "", "the queue cannot be read: {}", batch.error().message);
    co_return false;
  }
  lane->more = batch->size() == batch_size;
  std::string unreachable;
  for (store::Notification& one : *batch) {
    DeliveryOutcome outcome = co_await attempt(one);
    if (outcome.delivery == Delivery::unreachable) unreachable = outcome.error.empty() ? "unreachable" : outcome.error;
    note(*lane, std::move(one), std::move(outcome));
    if (!unreachable.empty()) break;
    if (Clock::now() - lane->stored > store_interval && !store_outcomes(*lane)) co_return false;
  }
  if (!store_outcomes(*lane)) co_return false;
  if (!unreachable.empty()) give_up_expired(*lane, unreachable);
  co_return unreachable.empty();
}

Task<DeliveryOutcome> Courier::attempt(store::Notification one) {
  DeliveryOutcome outcome;
  try {
    outcome = co_await deliver_(std::move(one));
  } catch (const std::exception& error) {
    outcome = {Delivery::refused, error.what()};
  }
  co_return outcome;
}

void Courier::note(Lane& lane, store::Notification one, DeliveryOutcome outcome) {
  if (outcome.delivery == Delivery::done) {
    lane.delivered.push_back(one.id);
    return;
  }
  const std::int64_t now = store::now_ms();
  ++one.attempts;
  one.last_error = outcome.error;
  one.dead = one.expires_at <= now;
  log::warn(courier_sender, "", "{}: notification {} ({}) not delivered, attempt {}{}: {}", lane.hook, one.id,
            one.action, one.attempts, one.dead ? ", given up" : "", outcome.error);
  if (outcome.delivery == Delivery::refused) {
    one.next_attempt = now + pause(one.attempts).count();
    if (!one.dead && (lane.next_attempt == 0 || one.next_attempt < lane.next_attempt)) {
      lane.next_attempt = one.next_attempt;
    }
    if (!one.dead) lane.last_attempt = std::max(lane.last_attempt, one.next_attempt);
  }
  lane.others.push_back(std::move(one));
}

// The notifications behind one whose hook was unreachable could not be delivered for the same reason: those that are
// too old become dead letters without an attempt of their own.
void Courier::give_up_expired(const Lane& lane, const std::string& why) {
  const auto expired = outbox_.expire(lane.hook, store::now_ms(), why);
  if (!expired) log::warn(courier_sender, "", "{}: {}", lane.hook, expired.error().message);
  if (expired && *expired > 0) log::error(courier_sender, "", "{}: {} notifications given up", lane.hook, *expired);
}

bool Courier::store_outcomes(Lane& lane) {
  lane.stored = Clock::now();
  if (lane.delivered.empty() && lane.others.empty()) return true;
  const auto stored = outbox_.settle(lane.delivered, lane.others);
  if (!stored) {
    log::error(courier_sender, "", "{}: what was delivered cannot be noted: {}", lane.hook, stored.error().message);
    return false;
  }
  lane.delivered.clear();
  lane.others.clear();
  return true;
}

}  // namespace ferry::events
