// The pace of an account: exact over time, shared, and given up when the client leaves.
#include "presence/bandwidth.h"

#include "tests/unit/session/support.h"

namespace ferry::session {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Pace, IsExactOverTime) {
  presence::Pace pace(1000);
  const presence::Pace::Clock::time_point start{seconds(1000)};
  presence::Pace::Clock::time_point now = start;
  for (int i = 0; i < 100; ++i) now = std::max(now, pace.book(100, i == 0, now));
  EXPECT_EQ(now - start, seconds(10));
}

TEST(Pace, MakesUpForWakingLateButNotForRest) {
  presence::Pace pace(1000);
  const presence::Pace::Clock::time_point start{seconds(1000)};
  EXPECT_EQ(pace.book(100, true, start), start + milliseconds(100));
  EXPECT_EQ(pace.book(100, false, start + milliseconds(150)), start + milliseconds(200));
  // A second at most, and nothing for a transfer that begins.
  EXPECT_EQ(pace.book(100, false, start + seconds(60)), start + milliseconds(59'100));
  EXPECT_EQ(pace.book(100, true, start + seconds(90)), start + milliseconds(90'100));
}

TEST(Pace, IsSharedInTurn) {
  presence::Pace pace(1000);
  const presence::Pace::Clock::time_point start{seconds(1000)};
  EXPECT_EQ(pace.book(500, true, start), start + milliseconds(500));
  EXPECT_EQ(pace.book(500, true, start), start + milliseconds(1000));
  EXPECT_EQ(pace.book(500, true, start + milliseconds(200)), start + milliseconds(1500));
}

TEST(Pace, WaitingEndsWhenTheClientIsGone) {
  const auto pace = std::make_shared<presence::Pace>(1);
  EXPECT_FALSE(test::run(presence::Pace::wait(pace, 1'000'000, true, [] { return true; })));
  EXPECT_TRUE(
      test::run(presence::Pace::wait(std::make_shared<presence::Pace>(1'000'000'000), 10, true, [] { return true; })));
}

TEST(Bandwidth, ByAccountAndSource) {
  presence::Bandwidth bandwidth;
  model::User user;
  user.username = "alice";
  EXPECT_FALSE(bandwidth.of(user, "127.0.0.1").upload);
  user.upload_bandwidth = 10;
  const presence::Paces own = bandwidth.of(user, "192.0.2.1");
  EXPECT_TRUE(own.upload);
  EXPECT_FALSE(own.download);
  EXPECT_EQ(bandwidth.of(user, "192.0.2.2").upload, own.upload);
  user.filters.bandwidth_limits = {{.sources = {"10.0.0.0/8"}, .upload_bandwidth = 10, .download_bandwidth = 20},
                                   {.sources = {"10.1.0.0/16", "::1/128"}, .upload_bandwidth = 1}};
  const presence::Paces inside = bandwidth.of(user, "10.1.2.3");  // the first that holds it
  EXPECT_TRUE(inside.upload && inside.download);
  EXPECT_NE(inside.upload, own.upload);
  EXPECT_FALSE(bandwidth.of(user, "::1").download);
  EXPECT_EQ(bandwidth.of(user, "192.0.2.1").upload, own.upload);
  user.upload_bandwidth = 11;
  EXPECT_NE(bandwidth.of(user, "192.0.2.1").upload, own.upload);
  user.username = "bob";
  EXPECT_NE(bandwidth.of(user, "10.1.2.3").upload, inside.upload);
}

}  // namespace
}  // namespace ferry::session
