#include "ssh/channel/receive_window.h"

#include <gtest/gtest.h>

#include <list>

namespace ferry::ssh::test {
namespace {

using namespace std::chrono_literals;

// A peer that sends what it may as soon as it may, over a link of this round trip; bytes after `rounds` trips.
std::uint64_t send_all_the_time(ReceiveWindow& window, std::chrono::microseconds round_trip, int rounds) {
  ReceiveWindow::Time now{std::chrono::hours(1)};
  std::uint64_t total = 0;
  std::uint32_t allowed = window.open();
  for (int i = 0; i < rounds; ++i) {
    std::uint32_t granted = 0;
    constexpr std::uint32_t pieces = 16;
    for (std::uint32_t piece = 0; piece < pieces; ++piece) {
      const std::uint32_t count = allowed / pieces;
      window.received(count);
      window.consumed(count);
      total += count;
      if (window.worth_granting()) granted += window.grant(now, round_trip);
      now += round_trip / pieces;
    }
    allowed = granted;
  }
  return total;
}

TEST(ReceiveWindow, GrowsWhenTheLinkIsLong) {
  ReceiveWindow window;
  send_all_the_time(window, 50ms, 20);
  EXPECT_EQ(window.open(), ReceiveWindow::largest);
}

// Much within a period that is many round trips long: the window is not what holds the peer back.
TEST(ReceiveWindow, StaysWhenTheLinkIsShort) {
  ReceiveWindow window;
  ReceiveWindow::Time now{std::chrono::hours(1)};
  for (int i = 0; i < 10'000; ++i) {
    window.received(ReceiveWindow::initial / 4);
    window.consumed(ReceiveWindow::initial / 4);
    EXPECT_EQ(window.grant(now, 50us), ReceiveWindow::initial / 4);
    now += 500us;
  }
  EXPECT_EQ(window.open(), ReceiveWindow::initial);
}

TEST(ReceiveWindow, SlowPeerDoesNotGrowIt) {
  ReceiveWindow window;
  ReceiveWindow::Time now{std::chrono::hours(1)};
  for (int i = 0; i < 1000; ++i) {
    window.received(ReceiveWindow::initial / 8);
    window.consumed(ReceiveWindow::initial / 8);
    window.grant(now, 50ms);
    now += 40ms;
  }
  EXPECT_EQ(window.open(), ReceiveWindow::initial);
}

TEST(ReceiveWindow, AllTogetherAreBounded) {
  std::list<ReceiveWindow> windows;
  std::int64_t growth = 0;
  for (int i = 0; i < 40; ++i) {
    send_all_the_time(windows.emplace_back(), 50ms, 20);
    growth += windows.back().open() - ReceiveWindow::initial;
  }
  EXPECT_LE(growth, ReceiveWindow::most_growth);
  EXPECT_GT(growth, ReceiveWindow::most_growth - ReceiveWindow::largest);
  windows.clear();
  ReceiveWindow again;
  send_all_the_time(again, 50ms, 20);
  EXPECT_EQ(again.open(), ReceiveWindow::largest);
}

}  // namespace
}  // namespace ferry::ssh::test
