#include "base/signal.h"

#include <boost/asio/redirect_error.hpp>

namespace ferry {

Task<void> Signal::wait() {
  if (!notified_) {
    waiting_ = true;
    boost::system::error_code cancelled;  // how notify() wakes
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    waiting_ = false;
  }
  notified_ = false;
}

void Signal::notify() {
  if (notified_) return;
  notified_ = true;
  if (waiting_) timer_.cancel();
}

}  // namespace ferry
