#include "base/byte_budget.h"

#include <sys/sysinfo.h>

#include <algorithm>
#include <list>
#include <mutex>
#include <utility>

#include "base/sleeper.h"

namespace ferry {

namespace {

// One who waits; `granted` is guarded by the budget's mutex.
struct Waiting {
  std::shared_ptr<Sleeper> sleeper;
  std::uint64_t bytes;
  bool granted = false;
};

}  // namespace

struct ByteBudget::State {
  explicit State(std::uint64_t all) : limit(all) {}

  const std::uint64_t limit;
  mutable std::mutex mutex;
  std::uint64_t taken = 0;
  std::list<std::shared_ptr<Waiting>> waiting;  // in the order of asking

  // Needs the mutex. Only the first is looked at: a large wish is not passed over for ever by small ones.
  void grant_waiting() {
    while (!waiting.empty() && waiting.front()->bytes <= limit - taken) {
      const std::shared_ptr<Waiting> first = waiting.front();
      waiting.pop_front();
      taken += first->bytes;
      first->granted = true;
      first->sleeper->wake();
    }
  }
};

// A place in the queue, also of a coroutine that is destroyed while it waits: then what it was granted goes back.
class ByteBudget::Place {
 public:
  Place(std::shared_ptr<State> state, std::shared_ptr<Waiting> one) : state_(std::move(state)), one_(std::move(one)) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    if (!one_) return;
    const std::uint64_t bytes = one_->bytes;
    if (!leave()) return;
    const std::scoped_lock lock(state_->mutex);
    state_->taken -= bytes;
    state_->grant_waiting();
  }
  // Whether it was granted; the bytes are the caller's then.
  bool leave() {
    const std::shared_ptr<Waiting> one = std::exchange(one_, nullptr);
    const std::scoped_lock lock(state_->mutex);
    if (one->granted) return true;
    state_->waiting.remove(one);
    state_->grant_waiting();  // it may have been the first, and too large for what is free
    return false;
  }

 private:
  std::shared_ptr<State> state_;
  std::shared_ptr<Waiting> one_;
};

ByteBudget::Ticket::Ticket(Ticket&& other) noexcept
    : budget_(std::move(other.budget_)), bytes_(std::exchange(other.bytes_, 0)) {}

ByteBudget::Ticket& ByteBudget::Ticket::operator=(Ticket&& other) noexcept {
  if (this == &other) return *this;
  reset();
  budget_ = std::move(other.budget_);
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

void ByteBudget::Ticket::reset() {
  const std::shared_ptr<ByteBudget> budget = std::exchange(budget_, nullptr);
  const std::uint64_t bytes = std::exchange(bytes_, 0);
  if (budget) budget->give_back(bytes);
}

ByteBudget::ByteBudget(std::uint64_t limit) : state_(std::make_shared<State>(std::max<std::uint64_t>(limit, 1))) {}

std::uint64_t ByteBudget::default_limit() {
  constexpr std::uint64_t most = std::uint64_t{1} << 30;
  struct sysinfo memory {};
  if (::sysinfo(&memory) != 0) return most;
  return std::min(most, std::uint64_t{memory.totalram} * memory.mem_unit / 4);
}

void ByteBudget::give_back(std::uint64_t bytes) {
  const std::scoped_lock lock(state_->mutex);
  state_->taken -= bytes;
  state_->grant_waiting();
}

std::optional<ByteBudget::Ticket> ByteBudget::try_take(std::uint64_t bytes) {
  bytes = std::min(bytes, state_->limit);
  const std::scoped_lock lock(state_->mutex);
  if (!state_->waiting.empty() || bytes > state_->limit - state_->taken) return std::nullopt;
  state_->taken += bytes;
  return Ticket(shared_from_this(), bytes);
}

Task<Result<ByteBudget::Ticket>> ByteBudget::take(std::uint64_t bytes, std::chrono::milliseconds limit) {
  // The budget must live as long as somebody waits for it.
  const std::shared_ptr<ByteBudget> self = shared_from_this();
  std::optional<Ticket> at_once = try_take(bytes);
  if (at_once) co_return std::move(*at_once);
  bytes = std::min(bytes, state_->limit);
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto one = std::make_shared<Waiting>(Sleeper::make(executor, limit), bytes);
  {
    const std::scoped_lock lock(state_->mutex);
    state_->waiting.push_back(one);
    state_->grant_waiting();  // bytes may have come back since try_take
  }
  Place place(state_, one);
  co_await one->sleeper->sleep();
  const bool granted = place.leave();
  if (!granted) co_return fail(ErrorCode::timeout, "no memory for buffers in time");
  co_return Ticket(self, bytes);
}

std::uint64_t ByteBudget::limit() const { return state_->limit; }

std::uint64_t ByteBudget::taken() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->taken;
}

}  // namespace ferry
