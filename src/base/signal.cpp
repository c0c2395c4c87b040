#include "base/signal.h"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/query.hpp>
#include <mutex>

namespace ferry {

// The suspended coroutine.
class Signal::Waiter {
 public:
  virtual ~Waiter() = default;
  virtual void resume() = 0;
  virtual asio::cancellation_slot cancellation_slot() const = 0;
  std::unique_ptr<Waiter> before;
};

// All signals of one execution context for which a coroutine waits. It is needed at the end: a coroutine may own
// (through the connection, say) the Signal it waits for, and the Signal owns the suspended coroutine, so neither would
// ever be destroyed. When the context is destroyed, shutdown() destroys the waiting coroutines.
class Signal::Waiters final : public asio::execution_context::service {
 public:
  using key_type = Waiters;
  inline static asio::execution_context::id id;

  explicit Waiters(asio::execution_context& context) : service(context) {}
  void add(Signal& signal) {
    const std::scoped_lock lock(mutex_);
    all_.push_back(signal);
  }
  void remove(Signal& signal) {
    const std::scoped_lock lock(mutex_);
    all_.erase(all_.iterator_to(signal));
  }

 private:
  void shutdown() override {
    while (!all_.empty()) all_.front().take();
  }

  std::mutex mutex_;  // a context may have several strands
  boost::intrusive::list<Signal> all_;
};

struct Signal::Hold {
  Signal& signal;

  template <class Handler>
  void operator()(Handler handler) {
    struct Held final : Waiter {
      explicit Held(Handler taken) : handler(std::move(taken)) {}
      void resume() override { std::move(handler)(); }
      asio::cancellation_slot cancellation_slot() const override {
        return asio::get_associated_cancellation_slot(handler);
      }
      Handler handler;
    };
    auto held = std::make_unique<Held>(std::move(handler));
    if (!signal.last_) signal.waiters_.add(signal);
    held->before = std::move(signal.last_);
    signal.last_ = std::move(held);
    // A cancelled coroutine is woken like any other; Asio then ends it with an error.
    asio::cancellation_slot slot = signal.last_->cancellation_slot();
    if (slot.is_connected()) {
      slot.assign([waiting = &signal](asio::cancellation_type) { waiting->notify(); });
    }
  }
};

Signal::Signal(asio::any_io_executor executor)
    : executor_(std::move(executor)),
      waiters_(asio::use_service<Waiters>(asio::query(executor_, asio::execution::context))) {}

Signal::~Signal() { take(); }

std::unique_ptr<Signal::Waiter> Signal::take() {
  if (!last_) return {};
  waiters_.remove(*this);
  for (const Waiter* one = last_.get(); one != nullptr; one = one->before.get()) {
    asio::cancellation_slot slot = one->cancellation_slot();
    if (slot.is_connected()) slot.clear();
  }
  return std::move(last_);
}

Task<void> Signal::wait() {
  if (!notified_) {
    asio::use_awaitable_t<> token;
    co_await asio::async_initiate<asio::use_awaitable_t<>, void()>(Hold{*this}, token);
  }
  notified_ = false;
}

void Signal::notify() {
  notified_ = true;
  for (auto waiter = take(); waiter;) {
    auto before = std::move(waiter->before);
    asio::post(executor_, [waiter = std::move(waiter)] { waiter->resume(); });
    waiter = std::move(before);
  }
}

void Signal::resume() {
  notified_ = true;
  for (auto waiter = take(); waiter; waiter = std::move(waiter->before)) waiter->resume();
}

}  // namespace ferry
