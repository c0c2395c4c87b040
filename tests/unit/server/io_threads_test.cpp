#include "server/io_threads.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

namespace ferry::server {
namespace {

// The address sanitizer sees it when they go one after the other.
TEST(IoThreads, WhatWaitsMayHoldWhatBelongsToAnotherLoop) {
  int gone = 0;
  const auto count = [&gone](asio::steady_timer* timer) {
    delete timer;
    ++gone;
  };
  {
    IoThreads threads(3);
    const auto loops = threads.contexts();
    for (asio::io_context* here : loops) {
      for (asio::io_context* there : loops) {
        const std::shared_ptr<asio::steady_timer> timer(new asio::steady_timer(*there, std::chrono::hours(1)), count);
        asio::post(*here, [timer] {});
      }
    }
  }
  EXPECT_EQ(gone, 9);
}

}  // namespace
}  // namespace ferry::server
