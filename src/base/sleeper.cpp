#include "base/sleeper.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>

namespace ferry {

Task<void> Sleeper::wait(std::shared_ptr<Sleeper> self) {
  boost::system::error_code ignored;
  co_await self->timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

Task<void> Sleeper::sleep() {
  co_await asio::co_spawn(timer_.get_executor(), wait(shared_from_this()), asio::use_awaitable);
}

// Holding the object in the handler keeps its timer alive until it has been cancelled where it lives.
void Sleeper::wake() {
  asio::post(timer_.get_executor(),
             [self = shared_from_this()] { self->timer_.expires_at(asio::steady_timer::time_point::min()); });
}

}  // namespace ferry
