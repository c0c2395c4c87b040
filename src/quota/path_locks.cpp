#include "quota/path_locks.h"

#include <list>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/sleeper.h"

namespace ferry::quota {

namespace {

// `granted` is guarded by the mutex of the locks: the name is this waiter's from then on.
struct NameWaiter {
  std::shared_ptr<Sleeper> sleeper;
  bool granted = false;
};

}  // namespace

struct PathLocks::State {
  std::mutex mutex;
  // A name that is taken has an entry: those who wait for it, first come first.
  std::unordered_map<std::string, std::list<std::shared_ptr<NameWaiter>>> taken;

  void give_back(const std::string& name) {
    const std::scoped_lock lock(mutex);
    const auto found = taken.find(name);
    if (found->second.empty()) {
      taken.erase(found);
      return;
    }
    const std::shared_ptr<NameWaiter> next = std::move(found->second.front());
    found->second.pop_front();
    next->granted = true;
    next->sleeper->wake();
  }
};

// A place in the queue of a name, also of a coroutine that is destroyed while it waits: then what it was granted goes
// on to the next.
class PathLocks::Place {
 public:
  Place(std::shared_ptr<State> state, std::string name, std::shared_ptr<NameWaiter> one)
      : state_(std::move(state)), name_(std::move(name)), one_(std::move(one)) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    if (!one_) return;
    {
      const std::scoped_lock lock(state_->mutex);
      if (!one_->granted) {
        state_->taken[name_].remove(one_);
        return;
      }
    }
    state_->give_back(name_);
  }
  // Whether the name is the caller's now, who gives it back.
  bool granted() {
    const std::scoped_lock lock(state_->mutex);
    if (one_->granted) one_ = nullptr;
    return one_ == nullptr;
  }

 private:
  std::shared_ptr<State> state_;
  std::string name_;
  std::shared_ptr<NameWaiter> one_;
};

PathLocks::Held& PathLocks::Held::operator=(Held&& other) noexcept {
  if (this == &other) return *this;
  release();
  state_ = std::move(other.state_);
  first_ = std::move(other.first_);
  second_ = std::move(other.second_);
  return *this;
}

void PathLocks::Held::release() {
  const std::shared_ptr<State> state = std::exchange(state_, nullptr);
  if (!state) return;
  state->give_back(first_);
  if (!second_.empty()) state->give_back(second_);
}

PathLocks::PathLocks() : state_(std::make_shared<State>()) {}

Task<void> PathLocks::take_one(std::shared_ptr<State> state, std::string name) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  std::shared_ptr<NameWaiter> one;
  {
    const std::scoped_lock lock(state->mutex);
    const auto [entry, is_new] = state->taken.try_emplace(name);
    if (!is_new) {
      one = std::make_shared<NameWaiter>(Sleeper::make(executor));
      entry->second.push_back(one);
    }
  }
  if (!one) co_return;
  Place place(state, name, one);
  while (!place.granted()) co_await one->sleeper->sleep();
}

Task<PathLocks::Held> PathLocks::take(std::string name) {
  co_await take_one(state_, name);
  Held held;
  held.state_ = state_;
  held.first_ = std::move(name);
  co_return held;
}

Task<PathLocks::Held> PathLocks::take(std::string one, std::string other) {
  if (other < one) std::swap(one, other);
  Held held = co_await take(one);
  if (one == other) co_return held;
  co_await take_one(state_, other);
  held.second_ = std::move(other);
  co_return held;
}

std::size_t PathLocks::held() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->taken.size();
}

}  // namespace ferry::quota
