#include "base/tickets.h"

#include <algorithm>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "base/sleeper.h"

namespace ferry {

namespace {

// One who waits; `granted` is guarded by the mutex.
struct Waiting {
  std::shared_ptr<Sleeper> sleeper;  // null: does not wait, only asks
  std::uint64_t count;
  std::string owner;
  bool granted = false;
};

constexpr std::uint64_t little = 64;  // a wish of 1/64 of all

}  // namespace

struct Tickets::State {
  explicit State(std::uint64_t all) : limit(all) {}

  const std::uint64_t limit;
  mutable std::mutex mutex;
  std::uint64_t taken = 0;
  std::map<std::string, std::uint64_t, std::less<>> held;  // by owner, of those who hold some; not of ""
  std::list<std::shared_ptr<Waiting>> waiting;             // in the order of asking

  enum class Verdict : std::uint8_t { granted, not_room, own_share };

  // All below need the mutex.
  std::uint64_t held_by(const std::string& owner) const {
    const auto found = held.find(owner);
    return found == held.end() ? 0 : found->second;
  }
  Verdict judge(const Waiting& one) const {
    const std::uint64_t free = limit - taken, own = held_by(one.owner);
    if (own == 0 || own + one.count <= limit / little) {
      return one.count <= free ? Verdict::granted : Verdict::not_room;
    }
    return own + 2 * one.count <= free ? Verdict::granted : Verdict::own_share;
  }
  void grant_waiting() {
    std::set<std::string_view> full;  // who waits for what it holds itself: all that it asked for later waits, too
    for (auto at = waiting.begin(); at != waiting.end();) {
      const std::shared_ptr<Waiting> one = *at;
      if (full.contains(one->owner)) {
        ++at;
        continue;
      }
      const Verdict verdict = judge(*one);
      if (verdict == Verdict::not_room) return;
      if (verdict == Verdict::own_share) {
        full.insert((*at++)->owner);
        continue;
      }
      at = waiting.erase(at);
      taken += one->count;
      if (!one->owner.empty()) held[one->owner] += one->count;
      one->granted = true;
      if (one->sleeper) one->sleeper->wake();
    }
  }
  void give_back(std::uint64_t count, const std::string& owner) {
    taken -= count;
    const auto found = held.find(owner);
    if (found != held.end() && (found->second -= count) == 0) held.erase(found);
    grant_waiting();
  }
  // Whether it was granted; it waits no more.
  bool leave(const std::shared_ptr<Waiting>& one) {
    if (one->granted) return true;
    waiting.remove(one);
    grant_waiting();  // it may have been what others waited for
    return false;
  }
};

// A place in the queue, also of a coroutine that is destroyed while it waits: then what it was granted goes back.
class Tickets::Place {
 public:
  Place(std::shared_ptr<State> state, std::shared_ptr<Waiting> one) : state_(std::move(state)), one_(std::move(one)) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    const std::shared_ptr<Waiting> one = one_;
    if (one && leave()) {
      const std::scoped_lock lock(state_->mutex);
      state_->give_back(one->count, one->owner);
    }
  }
  // Whether it was granted; the tickets are the caller's then.
  bool leave() {
    const std::shared_ptr<Waiting> one = std::exchange(one_, nullptr);
    const std::scoped_lock lock(state_->mutex);
    return state_->leave(one);
  }

 private:
  std::shared_ptr<State> state_;
  std::shared_ptr<Waiting> one_;
};

Tickets::Ticket::Ticket(Ticket&& other) noexcept
    : from_(std::move(other.from_)), count_(std::exchange(other.count_, 0)), owner_(std::move(other.owner_)) {}

Tickets::Ticket& Tickets::Ticket::operator=(Ticket&& other) noexcept {
  if (this == &other) return *this;
  reset();
  from_ = std::move(other.from_);
  count_ = std::exchange(other.count_, 0);
  owner_ = std::move(other.owner_);
  return *this;
}

void Tickets::Ticket::reset() {
  const std::shared_ptr<Tickets> from = std::exchange(from_, nullptr);
  const std::uint64_t count = std::exchange(count_, 0);
  if (from) from->give_back(count, owner_);
}

Tickets::Tickets(std::uint64_t limit) : state_(std::make_shared<State>(std::max<std::uint64_t>(limit, 1))) {}

void Tickets::give_back(std::uint64_t count, const std::string& owner) {
  const std::scoped_lock lock(state_->mutex);
  state_->give_back(count, owner);
}

std::optional<Tickets::Ticket> Tickets::try_take(std::uint64_t count, const std::string& owner) {
  const auto one = std::make_shared<Waiting>(nullptr, std::min(count, state_->limit), owner);
  const std::scoped_lock lock(state_->mutex);
  state_->waiting.push_back(one);
  state_->grant_waiting();
  if (!state_->leave(one)) return std::nullopt;
  return Ticket(shared_from_this(), one->count, owner);
}

Task<Result<Tickets::Ticket>> Tickets::take(std::uint64_t count, std::chrono::milliseconds limit, std::string owner) {
  // They must live as long as somebody waits for them.
  const std::shared_ptr<Tickets> self = shared_from_this();
  std::optional<Ticket> at_once = try_take(count, owner);
  if (at_once) co_return std::move(*at_once);
  count = std::min(count, state_->limit);
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto one = std::make_shared<Waiting>(Sleeper::make(executor, limit), count, owner);
  {
    const std::scoped_lock lock(state_->mutex);
    state_->waiting.push_back(one);
    state_->grant_waiting();  // some may have come back since try_take
  }
  Place place(state_, one);
  co_await one->sleeper->sleep();
  const bool granted = place.leave();
  if (!granted) co_return fail(ErrorCode::timeout, "what is wanted was not free in time");
  co_return Ticket(self, count, std::move(owner));
}

std::uint64_t Tickets::limit() const { return state_->limit; }

std::uint64_t Tickets::taken() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->taken;
}

}  // namespace ferry
