// Work that blocks in one lane stops nobody in another.
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

#include "base/task.h"

namespace ferry {
namespace {

int work() { return 42; }

Task<int> answer(Lane lane) {
  const int result = co_await run_blocking(lane, work);
  co_return result;
}

TEST(Lanes, OneThatDoesNotAnswerStopsNoOther) {
  std::promise<void> end;
  const std::shared_future<void> ended(end.get_future());
  for (int i = 0; i < 100; ++i) {
    asio::post(blocking_pool(Lane::database), [ended] { ended.wait(); });
  }
  asio::io_context io;
  std::future<int> waits = asio::co_spawn(io, answer(Lane::database), asio::use_future);
  for (const Lane lane : {Lane::disk, Lane::login, Lane::compute, Lane::process, Lane::remote}) {
    std::future<int> other = asio::co_spawn(io, answer(lane), asio::use_future);
    while (other.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      io.restart();
      io.run_for(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(other.get(), 42);
  }
  EXPECT_NE(waits.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  end.set_value();
  io.restart();
  io.run();
  EXPECT_EQ(waits.get(), 42);
}

}  // namespace
}  // namespace ferry
