#include "server/lifecycle.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <string>
#include <thread>

namespace ferry::server {
namespace {

using std::chrono::milliseconds;

struct Recorder {
  std::string calls;
  std::function<bool()> busy = [] { return false; };
  std::function<bool()> gone = [] { return true; };
  LifecycleTimes times{.grace = milliseconds(0), .closing = milliseconds(300), .tick = milliseconds(60'000)};

  // Runs on a thread of its own that gets these signals, one after another.
  milliseconds run(const std::vector<int>& signals) {
    const auto begin = std::chrono::steady_clock::now();
    std::thread thread([&] {
      block_signals();
      run_until_stopped({.reload = [&] { calls += "reload "; },
                         .rotate = [&] { calls += "rotate "; },
                         .tick = [&] { calls += "tick "; },
                         .stop_accepting = [&] { calls += "stop "; },
                         .busy = busy,
                         .close_all = [&] { calls += "close "; },
                         .gone = gone},
                        times);
    });
    for (const int number : signals) {
      std::this_thread::sleep_for(milliseconds(100));
      pthread_kill(thread.native_handle(), number);
    }
    thread.join();
    return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
  }
};

class LifecycleTest : public testing::Test {
 protected:
  void SetUp() override { block_signals(); }  // before any thread: they inherit it
};

TEST_F(LifecycleTest, SignalsDoTheirWork) {
  Recorder recorder;
  recorder.run({SIGHUP, SIGUSR1, SIGTERM});
  EXPECT_EQ(recorder.calls, "reload rotate stop close ");
}

TEST_F(LifecycleTest, InterruptEndsToo) {
  Recorder recorder;
  recorder.run({SIGINT});
  EXPECT_EQ(recorder.calls, "stop close ");
}

TEST_F(LifecycleTest, TicksComeWhileItRuns) {
  Recorder recorder;
  recorder.times.tick = milliseconds(20);
  recorder.run({SIGTERM});
  EXPECT_TRUE(recorder.calls.starts_with("tick tick ")) << recorder.calls;
}

TEST_F(LifecycleTest, GraceTimeEndsWhenNothingRuns) {
  Recorder recorder;
  recorder.times.grace = milliseconds(60'000);
  int asked = 0;
  recorder.busy = [&] { return ++asked < 3; };
  EXPECT_LT(recorder.run({SIGTERM}), milliseconds(5000));
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(recorder.calls, "stop close ");
}

TEST_F(LifecycleTest, GraceTimeEndsByItself) {
  Recorder recorder;
  recorder.times.grace = milliseconds(300);
  recorder.busy = [] { return true; };
  const auto took = recorder.run({SIGTERM});
  EXPECT_GE(took, milliseconds(400));
  EXPECT_LT(took, milliseconds(5000));
}

TEST_F(LifecycleTest, ASecondSignalSkipsTheGraceTime) {
  Recorder recorder;
  recorder.times.grace = milliseconds(60'000);
  recorder.busy = [] { return true; };
  EXPECT_LT(recorder.run({SIGTERM, SIGHUP, SIGTERM}), milliseconds(5000));
  EXPECT_EQ(recorder.calls, "stop reload close ");
}

TEST_F(LifecycleTest, ConnectionsThatDoNotGoAreNotWaitedForForEver) {
  Recorder recorder;
  recorder.gone = [] { return false; };
  const auto took = recorder.run({SIGTERM});
  EXPECT_GE(took, milliseconds(400));
  EXPECT_LT(took, milliseconds(5000));
}

}  // namespace
}  // namespace ferry::server
